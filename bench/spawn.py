"""How soon `spawn` of twenty tasks returns, and how soon their first worker starts."""

from __future__ import annotations

import statistics
import time
from datetime import datetime
from typing import NamedTuple

from bench.room import many, room, write_plan
from bench.tables import Cell, Table
from e2e.swarm_cli import Swarm

TASKS = 20
ROUNDS = 7
AIM_S = 1.0


class Started(NamedTuple):
    """Seconds from the call: until it returned, until the first and last worker ran."""

    returned_s: float
    first_s: float
    last_s: float


def run() -> list[Table]:
    """Time spawn into new state folders, then into one with a live supervisor."""
    cold, warm = [], []
    for _ in range(ROUNDS):
        with room() as user:
            cold.append(_spawn(user))
            warm.append(_spawn(user))
    rows = [_row("cold: new state folder, no supervisor", cold), _row("warm", warm)]
    columns = (
        f"spawn of {TASKS} tasks",
        "returns ms",
        "slowest ms",
        "first runs ms",
        "last runs ms",
    )
    notes = (f"medians of {ROUNDS}; aim: well under {AIM_S:g} s",)
    return [Table("spawn", columns, rows, notes)]


def _spawn(user: Swarm) -> Started:
    plan = write_plan(user, "twenty", many(["true"], TASKS, cap=TASKS))
    began_at = time.time()
    done = user.call("spawn", plan)
    run_id = done.out.partition(":")[0]
    user.call("wait", run_id)
    listed = user.ask("list", run_id)["sessions"]
    starts = [_moment(one["started_at"]) - began_at for one in listed]
    return Started(done.took_s, min(starts), max(starts))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _row(name: str, rounds: list[Started]) -> list[Cell]:
    returned, first, last = (
        statistics.median(each) * 1000 for each in zip(*rounds, strict=True)
    )
    return [name, returned, max(each.returned_s for each in rounds) * 1000, first, last]
