"""The names of askers: agents that spawn runs, and are told of their ends. Light."""

from __future__ import annotations

from kimi_swarm.errors import SwarmError

# What hosts name their sessions with: agent:main:main, agent:main:irc:group:#ops@net.
_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_LATER = _FIRST | frozenset("_.:@/+=!#%~-")
_MOST_CHARS = 200


class BadAskerError(SwarmError):
    """Raised when a name cannot be that of an asker; nothing was changed."""

    code = "bad_asker"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:80]!r} cannot be the name of an asker or a session key.",
            remedy="Use letters, digits and . : @ / + = ! # % ~ _ -, at most 200, such "
            "as agent:main:main.",
        )


def asker_name(text: str) -> str:
    """Return a name that can go into records and command lines.

    Raises BadAskerError.
    """
    if not 0 < len(text) <= _MOST_CHARS or text[0] not in _FIRST or set(text) - _LATER:
        raise BadAskerError(text)
    return text
