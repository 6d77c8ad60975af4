"""Random plans whose every outcome is known beforehand, and the book of what ran."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fakes.swarm import worker
from kimi_swarm.store.views import SessionRow

LONGEST_S = 0.4
FAILING = 0.08
NEEDY = 0.4
COMMITTED = 0.08
LAST = 12
IN_WORKTREE = {
    "workspace": {"mode": "worktree", "setup": "echo ready > ready.txt"},
    "check": 'test -s ready.txt && test -s "$KIMI_SWARM_TASK.txt"',
}


class Chore(NamedTuple):
    """One task of a random plan: how long it stays, and how it is going to end.

    What is committed works in a worktree with a setup line and a check.
    """

    seconds: float
    code: int
    needs: tuple[str, ...]
    is_committed: bool


def draw_chores(dice: random.Random, count: int) -> dict[str, Chore]:
    """Draw tasks of which some need one or two of those shortly before them."""
    chores: dict[str, Chore] = {}
    for number in range(count):
        before = list(chores)[-LAST:]
        wanted = dice.randint(1, 2) if dice.random() < NEEDY else 0
        chores[f"t{number:03}"] = Chore(
            seconds=round(dice.uniform(0, LONGEST_S), 3),
            code=dice.randint(1, 99) if dice.random() < FAILING else 0,
            needs=tuple(dice.sample(before, min(wanted, len(before)))),
            is_committed=dice.random() < COMMITTED,
        )
    return chores


def written(chores: dict[str, Chore], folder: Path, plan: str) -> dict[str, Any]:
    """Return a plan's tasks as people write them; `plan` keeps their locks apart."""
    return {
        name: {
            "argv": worker(
                "holds_its_task.sh",
                folder / "ledger",
                folder / "held" / f"{plan}-{name}",
                chore.seconds,
                chore.code,
            ),
            "needs": list(chore.needs),
            **(IN_WORKTREE if chore.is_committed else {"workspace": "none"}),
        }
        for name, chore in chores.items()
    }


class Ledger:
    """What workers signed: how often each session started, with what it ended."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text("ascii").splitlines() if path.exists() else []
        words = [line.split() for line in lines]
        self.starts = Counter(each[1] for each in words if each[0] == "start")
        self.ends = {each[1]: int(each[2]) for each in words if each[0] == "end"}
        self.doubles = [each[1] for each in words if each[0] == "double"]
        self.doubles += [one for one, times in self.starts.items() if times > 1]


def unexplained(
    row: SessionRow,
    chore: Chore,
    ledger: Ledger,
    outcomes: dict[str, str | None],
    struck: set[tuple[str, str]],
) -> str | None:
    """Say what is wrong with how a session ended, if anything is.

    `outcomes` are those of its run's tasks; `struck` has the kind of each process that
    was killed with its session.
    """
    starts, end = ledger.starts[row.id], ledger.ends.get(row.id)
    told = (row.outcome, row.reason, row.exit_code)
    is_right = {
        "succeeded": chore.code == 0 == row.exit_code and (starts, end) == (1, 0),
        "failed": row.reason == "exit_code"
        and (
            (row.exit_code == chore.code == end and starts == 1)
            or (row.exit_code == -signal.SIGKILL and ("worker", row.id) in struck)
        ),
        "cancelled": starts == 0
        and row.reason == "need_failed"
        and any(outcomes[need] != "succeeded" for need in chore.needs),
        "lost": ("shim", row.id) in struck and row.exit_code is None,
    }
    if is_right.get(row.outcome or "", False):
        return None
    return f"{row.id} ended {told}; drawn {chore.code}; signed {starts} times, {end}"


def not_tried_again(rows: Sequence[SessionRow], retries: int) -> list[str]:
    """Name what was killed and has tries left, or was tried more often than it may."""
    last = {(row.run, row.task): row for row in rows}
    return [
        f"{row.id} ended {row.outcome} ({row.exit_code}) as try {row.tries}"
        for row in last.values()
        if row.tries > retries + 1 or (row.tries <= retries and _was_killed(row))
    ]


def _was_killed(row: SessionRow) -> bool:
    return row.outcome == "lost" or row.exit_code == -signal.SIGKILL
