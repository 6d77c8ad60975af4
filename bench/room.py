"""A room for one bench: its own home and state, and nothing left in it afterwards."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench import ROOT
from e2e.swarm_cli import Swarm, bare_environment

ZYGOTE = "kimi_swarm.process.zygote"


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


class Keepers(NamedTuple):
    """The processes around a room's workers, by number."""

    supervisor: int
    zygote: int
    shims: list[int]


def keepers_of(user: Swarm) -> Keepers:
    """Find the supervisor, the zygote it started, and the shims forked from that."""
    forked = [one.pid for one in user.processes() if ZYGOTE in one.command]
    # By kinship: for an instant a second supervisor may come and find the first.
    (zygote,) = (pid for pid in forked if _parent(pid) not in forked)
    return Keepers(_parent(zygote), zygote, [pid for pid in forked if pid != zygote])


def _parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rindex(")") + 2 :].split()[1])
