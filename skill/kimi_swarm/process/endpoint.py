"""Asking a provider's endpoint which models it offers; nothing is spent."""

from __future__ import annotations

import urllib.error
import urllib.request
from functools import partial

import anyio.to_thread

LIMIT_BYTES = 4_000_000
LIMIT_S = 4.0


async def get_text(url: str, *, key: str | None) -> str | None:
    """Return what an http(s) address answers, None when it does not within seconds."""
    if not url.startswith(("https://", "http://")):
        return None
    return await anyio.to_thread.run_sync(
        partial(_get, url, key), abandon_on_cancel=True
    )


def _get(url: str, key: str | None) -> str | None:
    headers = {"Accept": "application/json", "User-Agent": "kimi-swarm"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 checked above
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:  # noqa: S310 as above
            text: bytes = answer.read(LIMIT_BYTES)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return text.decode(errors="replace")
