"""Make the state.db that every later version must open: run once for each schema.

    PYTHONPATH=skill:tests python -m upgrade.make_state FOLDER

What a schema once wrote is checked in and never made again.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from fakes.runs import BORN_AT, RUN, a_recipe, a_run, a_task, life, moved, written
from kimi_swarm.core.session import Chosen, Ended, Outcome, StopBegan
from kimi_swarm.core.task import Expect, WorkspaceMode, WorkspaceNeed
from kimi_swarm.store.moves import Findings, move_session
from kimi_swarm.store.runs import create_run
from kimi_swarm.store.wishes import move_cursor, wish_stop

DONE = "bold-oak"
USAGE = {
    "input_tokens": 900,
    "cached_tokens": 600,
    "output_tokens": 40,
    "reasoning_tokens": 5,
    "cost_usd": 0.0045295,
}
"""As sessions told it in their detail up to schema 6."""


def make_state(home: Path) -> None:
    """Write a run in every state of its life, and one that is over."""
    app = replace(
        a_task("app", needs=["header", "sidebar"], recipe=a_recipe(max_parallel=2)),
        check="make test",
        expect=Expect.ANSWER,
        workspace=WorkspaceNeed(WorkspaceMode.FRESH, (".env",), "npm ci", 2),
    )
    names = ("queued", "starting", "placed", "running", "header", "sidebar")
    connection = written(home, *names, app)
    moved(connection, f"{RUN}/starting", Chosen(BORN_AT + 1))
    moved(connection, f"{RUN}/placed", *life()[:2])
    moved(connection, f"{RUN}/running", *life()[:3])
    moved(connection, f"{RUN}/header", *life()[:3], StopBegan(BORN_AT + 4, "killed"))
    row = moved(connection, f"{RUN}/sidebar", *life()[:3])
    told = {"files_total": 1, "retries": 2, "usage": USAGE}
    found = Findings("c0ffee", "It is built.", told)
    move_session(connection, row, life()[3], findings=found)
    wish_stop(connection, f"{RUN}/queued", "killed")
    move_cursor(connection, "anna", RUN, 7)
    create_run(connection, DONE, a_run("lost", "late", wall_s=9.0), at=BORN_AT)
    lost = Ended(BORN_AT + 5, Outcome.LOST, "no_exit_record")
    moved(connection, f"{DONE}/lost", *life()[:3], lost)
    late = Ended(BORN_AT + 9, Outcome.TIMED_OUT, "run_time_limit")
    moved(connection, f"{DONE}/late", late)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


if __name__ == "__main__":
    make_state(Path(sys.argv[1]))
