"""The names of askers: agents that spawn runs, and are told of their ends."""

from __future__ import annotations

import re

from kimi_swarm.errors import SwarmError

# What hosts name their sessions with: agent:main:main, agent:main:irc:group:#ops@net.
_NAME = re.compile(r"[A-Za-z0-9][\w.:@/+=!#%~-]{0,199}", re.ASCII)


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
    if not _NAME.fullmatch(text):
        raise BadAskerError(text)
    return text
