"""What is over costs nothing: reading takes the same steps however much is stored."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import a_run, life, moved, opened
from fakes.stored import fill, live_through
from kimi_swarm.actions.stats import stats_of
from kimi_swarm.core.session import Outcome
from kimi_swarm.core.usage_sums import By
from kimi_swarm.store.database import Connection
from kimi_swarm.store.runs import create_run
from kimi_swarm.store.snapshot import read_snapshot
from kimi_swarm.store.totals import totals_by, totals_of
from kimi_swarm.store.views import (
    count_runs,
    live_runs,
    live_sessions,
    recent_runs,
    run_row,
    session_row,
)

NOW = 1e9
LISTED = 20
AT_MOST = 1.1
"""More steps than on a small store: B-trees may be a level deeper."""


def steps_of(connection: Connection, look: Callable[[Connection], object]) -> int:
    """Count the steps of SQLite's machine: the same on a busy computer."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    connection.set_progress_handler(step, 1)
    look(connection)
    connection.set_progress_handler(None, 1)
    return taken


LOOKS: dict[str, Callable[[Connection], object]] = {
    "the newest runs": lambda c: recent_runs(c, limit=LISTED),
    "how many runs there are": count_runs,
    "one run": lambda c: run_row(c, "now"),
    "what was used": totals_of,
    "what each profile used": lambda c: totals_by(c, "profile"),
    "what one run used": lambda c: stats_of(c, "now", by=By.MODEL),
    "one session": lambda c: session_row(c, "now/a"),
    "runs that are not over": live_runs,
    "sessions that are not over": live_sessions,
    "what the scheduler looks at": lambda c: read_snapshot(
        c, at=NOW, machine_cap=9, last_start_at={}
    ),
}


@pytest.mark.parametrize(("runs", "each"), [(1_000, 1), (LISTED, 200)])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_large_store_is_read_in_as_many_steps_as_a_small_one(
    look: Callable[[Connection], object], runs: int, each: int, tmp_path: Path
):
    steps = []
    for name, size in {"small": (LISTED, 11), "large": (runs, each)}.items():
        with closing(opened(tmp_path / name)) as connection:
            fill(connection, runs=size[0], sessions_each=size[1])
            create_run(connection, "now", a_run("a", "b"), at=NOW)
            steps.append(steps_of(connection, look))
    assert steps[1] <= steps[0] * AT_MOST


def test_what_copied_runs_used_is_added_up_like_the_rest(tmp_path: Path):
    with closing(opened(tmp_path)) as connection:
        fill(connection, runs=3, sessions_each=11)
        by_run = [totals_of(connection, run=f"past-{number}") for number in range(3)]
        assert by_run[0] == by_run[2]
        assert totals_of(connection) == by_run[0].plus(by_run[1]).plus(by_run[2])


def test_a_copied_run_is_counted_like_the_one_it_was_copied_from(tmp_path: Path):
    with closing(opened(tmp_path)) as connection:
        first, last = fill(connection, runs=2, sessions_each=11)
        counts = {"failed": 2, "succeeded": 9}
        assert run_row(connection, first).counts == counts
        assert run_row(connection, last).counts == counts


def test_counts_end_with_their_run_and_begin_with_the_next_of_its_name(tmp_path: Path):
    with closing(opened(tmp_path)) as connection:
        live_through(connection, "past", 3)
        connection.execute("DELETE FROM runs WHERE id = 'past'")
        create_run(connection, "past", a_run("a", "b"), at=NOW)
        moved(connection, "past/a", *life(Outcome.LOST))
        assert run_row(connection, "past").counts == {"lost": 1, "queued": 1}
