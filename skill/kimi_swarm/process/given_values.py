"""What a supervisor is given when it is started, and what of that it shows.

Any process of the same user can read the environment that another was started with. So
a supervisor gets there only what it needs itself. All that workers may be given, keys
among them, comes through its standard input.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NamedTuple

# To find programs, files and people; the rest is what git needs to work as the user.
_SHOWN = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "LANG", "TZ"),
        *("EMAIL", "SSH_AUTH_SOCK", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"),
        *("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_CONFIG_GLOBAL"),
        *("GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
    )
)
# Those of the loader are for an interpreter that does not start without them.
_SHOWN_PREFIXES = ("KIMI_SWARM_", "XDG_", "LC_", "LD_", "DYLD_")


class GivenValues(NamedTuple):
    """The environment of whoever started a supervisor, and what its run was given.

    `of_run` is what was chosen of it, or beside it, for the run it is started for.
    """

    environ: dict[str, str]
    of_run: dict[str, str]


def shown() -> dict[str, str]:
    """Return what of this process's environment a supervisor may show."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _SHOWN or name.startswith(_SHOWN_PREFIXES)
    }


def handed_over(of_run: dict[str, str]) -> bytes:
    """Return this process's environment as a supervisor takes it in."""
    return json.dumps(GivenValues(dict(os.environ), of_run)).encode()


def take_in() -> GivenValues:
    """Read what is handed over, and leave nothing to read on standard input.

    Raises ValueError when whoever started us is gone in the middle of it.
    """
    given = GivenValues(*json.loads(sys.stdin.buffer.read()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return given
