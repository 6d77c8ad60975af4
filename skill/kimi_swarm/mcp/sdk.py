"""The protocol's own package: an extra, since only this room needs it."""

from __future__ import annotations

import importlib.util

from kimi_swarm.errors import SwarmError


class MissingExtraError(SwarmError):
    """Raised when the packages of an extra are not installed."""

    code = "extra_missing"

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"The Python packages for `{extra}` are not installed here.",
            remedy=f"Run `pip install 'kimi-swarm[{extra}]'`; from a skill folder,"
            f" `python3 skill/swarm.py {extra}` brings them by itself.",
        )


def require_sdk() -> None:
    """Raise MissingExtraError where the protocol's package cannot be imported."""
    if importlib.util.find_spec("mcp") is None:
        raise MissingExtraError("mcp")
