"""One call that works on a machine as it is, for who asks what to try first."""

from __future__ import annotations

import shlex
from pathlib import Path

from kimi_swarm.actions.state import program_name
from kimi_swarm.bundle import bundle_root

TOUR = Path("examples", "tour.yaml")
# Where the tour was not installed: one task that needs no repository and no account.
ONE_TASK = "--profile demo --workspace fresh --task 'Create `hello.txt` with a line'"


def example_call(rest: str = "") -> str:
    """Return a call without the program's name that can be made from any folder.

    `rest` are the words to start it with, those of an example if there are none. An
    MCP client, which has no program to name, gets the tool that starts a run.
    """
    verb = "run" if program_name() else "spawn"
    return f"{verb} {rest or _tour() or ONE_TASK}"


def _tour() -> str:
    """Return the path of the tour as a shell takes it, "" where there is none."""
    for root in (bundle_root(), *_called_from()):
        path = root / TOUR
        if path.is_file():
            return shlex.quote(str(path))
    return ""


def _called_from() -> list[Path]:
    """Return the folder of the skill that was called: its code may run from a copy."""
    try:
        words = shlex.split(program_name())
    except ValueError:  # somebody's own name for it, which no shell takes
        return []
    script = Path(words[-1]) if words else Path()
    return [script.parent.parent] if script.is_absolute() else []
