"""A room for one bench: its own home and state, and nothing left in it afterwards."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import ROOT
from e2e.swarm_cli import Process, Swarm, bare_environment


@contextmanager
def room(*commands: Path) -> Iterator[Swarm]:
    """Give a user with `commands` on PATH and nothing set up; end what they began.

    Raises RuntimeError when something outlived the end of everything.
    """
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-bench-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        env = {
            **bare_environment(home, *commands),
            "KIMI_SWARM_HOME": str(Path(folder, "state")),
            # Kept from bench to bench: building the environment is not what is timed.
            "KIMI_SWARM_CACHE": str(ROOT / ".venv" / "bench-cache"),
        }
        user = Swarm(ROOT, Path(folder), env)
        user.call("doctor", code=None)
        try:
            yield user
        finally:
            left = user.end()
        if left:
            message = f"left behind: {left}"
            raise RuntimeError(message)


def write_plan(user: Swarm, name: str, plan: dict[str, Any]) -> Path:
    """Write a plan into the room; every JSON text is a YAML text."""
    path = user.room / f"{name}.yaml"
    path.write_text(json.dumps(plan))
    return path


def many(argv: list[str], count: int, *, cap: int) -> dict[str, Any]:
    """Return a plan that runs one command `count` times, at most `cap` at once."""
    task = {"argv": argv, "workspace": "none"}
    return {
        "defaults": {"profile": "command"},
        "limits": {"concurrency": cap, "spacing_s": 0},
        "tasks": {f"t{number:04}": task for number in range(count)},
    }


def supervisor_of(user: Swarm) -> Process:
    """Return the one supervisor of the room."""
    (found,) = (
        one for one in user.processes() if "kimi_swarm.supervisor" in one.command
    )
    return found


def zygotes_of(user: Swarm) -> tuple[Process, list[Process]]:
    """Return the zygote of the room, and the shims forked from it."""
    all_ = [
        one for one in user.processes() if "kimi_swarm.process.zygote" in one.command
    ]
    parent = supervisor_of(user).pid
    (zygote,) = (one for one in all_ if _parent(one.pid) == parent)
    return zygote, [one for one in all_ if one is not zygote]


def _parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rindex(")") + 2 :].split()[1])
