"""By which proxy a provider is reached, as a worker's own environment says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(origin: str, env: Mapping[str, str]) -> str | None:
    """Return the proxy's URL for a provider, None if it is reached without one."""
    parts = urlsplit(origin)
    if _is_excepted(parts.hostname or "", parts.port, _of("no_proxy", env)):
        return None
    return _of(f"{parts.scheme}_proxy", env) or _of("all_proxy", env) or None


def _of(name: str, env: Mapping[str, str]) -> str:
    return (env.get(name) or env.get(name.upper()) or "").strip()


def _is_excepted(host: str, port: int | None, told: str) -> bool:
    for word in told.split(","):
        name = word.strip().lower().removeprefix("*").removeprefix(".")
        name, _, only = name.partition(":") if name.count(":") == 1 else (name, "", "")
        if only and only != str(port):
            continue
        if word.strip() == "*" or (
            name and (host.lower() == name or host.lower().endswith(f".{name}"))
        ):
            return True
    return False
