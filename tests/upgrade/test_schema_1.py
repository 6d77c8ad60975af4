"""The state that schema 1 wrote opens for ever, and work in it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import BORN_AT, RUN, life, moved, opened
from kimi_swarm.core.schedule import Cancel, schedule
from kimi_swarm.core.session import MOVES, replay
from kimi_swarm.core.task import Expect, PromptVia, WorkspaceMode
from kimi_swarm.store.database import SCHEMA_VERSION, Connection, open_database
from kimi_swarm.store.inbox import cursor_of
from kimi_swarm.store.moves import move_of, state_of
from kimi_swarm.store.runs import delete_run, task_of, tasks_of
from kimi_swarm.store.snapshot import read_snapshot
from kimi_swarm.store.views import (
    count_runs,
    events_after,
    run_row,
    session_row,
    sessions_of,
)

DONE = "bold-oak"


@pytest.fixture(params=[True, False], ids=["spawn opens it", "list opens it"])
def connection(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Connection]:
    shutil.copy(Path(__file__).parent / "schema-1" / "state.db", tmp_path)
    found = open_database(str(tmp_path), create=request.param)
    assert found is not None
    with closing(found):
        yield found


def test_it_opens_at_the_schema_of_today_and_is_sound(connection: Connection):
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert version == SCHEMA_VERSION
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_migrating_leads_to_the_same_tables_as_starting_anew(
    connection: Connection, tmp_path: Path
):
    asked = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    with closing(opened(tmp_path / "new")) as new:
        assert connection.execute(asked).fetchall() == new.execute(asked).fetchall()


def test_every_session_is_as_it_was(connection: Connection):
    rows = {row.task: row for row in sessions_of(connection, RUN)}
    assert {task: row.state for task, row in rows.items()} == {
        "queued": "queued",
        "starting": "starting",
        "placed": "starting",
        "running": "running",
        "header": "stopping",
        "sidebar": "done",
        "app": "queued",
    }
    assert rows["queued"].stop_wish == "killed"
    assert rows["placed"].branch == "swarm/branch"
    assert rows["header"].cause == "killed"
    assert rows["sidebar"].summary == "It is built."
    run = run_row(connection, DONE)
    assert (run.state, run.counts) == ("done", {"lost": 1, "timed_out": 1})
    assert cursor_of(connection, "anna", RUN) == 7


def test_its_events_still_retell_its_states(connection: Connection):
    for run in (RUN, DONE):
        for row in sessions_of(connection, run):
            events = events_after(connection, row.id, 0, names=list(MOVES))
            assert replay(BORN_AT, [move_of(e) for e in events]) == state_of(row)


def test_its_tasks_can_still_be_run(connection: Connection):
    assert len(tasks_of(connection, RUN)) == 7
    app = task_of(connection, RUN, "app")
    assert app.needs == ("header", "sidebar")
    assert (app.check, app.expect) == ("make test", Expect.ANSWER)
    assert app.workspace.mode is WorkspaceMode.FRESH
    assert (app.workspace.copy, app.workspace.ports) == ((".env",), 2)
    assert app.recipe.prompt_via is PromptVia.NONE


def test_its_work_goes_on(connection: Connection):
    snapshot = read_snapshot(
        connection, at=BORN_AT + 9, machine_cap=9, last_start_at={}
    )
    assert schedule(snapshot).decisions == (Cancel(f"{RUN}/queued", "killed"),)
    assert moved(connection, f"{RUN}/starting", *life()[1:]).outcome == "succeeded"
    assert moved(connection, f"{RUN}/header", life()[3]).state == "done"
    assert session_row(connection, f"{RUN}/app").state == "queued"


def test_what_is_over_in_it_can_be_forgotten(connection: Connection):
    delete_run(connection, DONE)
    assert count_runs(connection) == 1
