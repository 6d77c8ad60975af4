"""A move and its event are one: both are there, or neither."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import BORN_AT, RUN, life, moved, written
from kimi_swarm.core.session import (
    MOVES,
    Chosen,
    Ended,
    IllegalMoveError,
    Outcome,
    Place,
    Placed,
    StopBegan,
    replay,
)
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.moves import (
    Findings,
    StaleSessionError,
    move_of,
    move_session,
    state_of,
)
from kimi_swarm.store.views import (
    EventRow,
    SessionRow,
    events_after,
    run_row,
    session_row,
)

HEADER = f"{RUN}/header"

DIE_BETWEEN = """
import os, sys
from pathlib import Path
from fakes.runs import moved, opened
from kimi_swarm.core.session import Chosen
connection = opened(Path(sys.argv[1]))
connection.create_function("die", 0, lambda: os._exit(9))
connection.execute(
    f"CREATE TEMP TRIGGER deadly {sys.argv[2]} BEGIN SELECT die(); END"
)
moved(connection, "calm-river/header", Chosen(1.0))
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(written(tmp_path, "header", "sidebar")) as connection:
        yield connection


def moves_told(connection: Connection, session: str = HEADER) -> list[EventRow]:
    return events_after(connection, session, 0, names=list(MOVES))


def retold(connection: Connection, session: str = HEADER):
    moves = [move_of(event) for event in moves_told(connection, session)]
    return replay(BORN_AT, moves)


@pytest.mark.parametrize("count", range(len(life()) + 1))
def test_the_events_retell_the_state_in_the_row(connection: Connection, count: int):
    row = moved(connection, HEADER, *life()[:count])
    assert row.revision == count
    assert retold(connection) == state_of(row)
    assert state_of(session_row(connection, HEADER)) == state_of(row)


def test_a_stopped_life_is_retold_with_its_cause(connection: Connection):
    row = moved(connection, HEADER, *life()[:3], StopBegan(BORN_AT + 4, "killed"))
    assert (row.state, row.cause) == ("stopping", "killed")
    assert retold(connection) == state_of(row)
    ended = Ended(BORN_AT + 5, Outcome.CANCELLED, "killed", -15)
    row = move_session(connection, row, ended)
    assert (row.outcome, row.exit_code, row.started_at) == (
        "cancelled", -15, BORN_AT + 3,
    )  # fmt: skip
    assert retold(connection) == state_of(row)


def test_a_stale_row_moves_nothing(connection: Connection):
    stale = session_row(connection, HEADER)
    moved(connection, HEADER, Chosen(1.0))
    with pytest.raises(StaleSessionError, match=HEADER):
        move_session(connection, stale, Chosen(2.0))
    assert session_row(connection, HEADER).since_at == 1.0
    assert len(moves_told(connection)) == 1


def test_of_two_that_saw_the_same_only_one_moves(tmp_path: Path):
    with (
        closing(written(tmp_path, "header")) as one,
        closing(written(tmp_path, "app", run="bold-oak")) as two,
    ):
        seen = [session_row(each, HEADER) for each in (one, two)]
        move_session(one, seen[0], Chosen(1.0))
        with pytest.raises(StaleSessionError):
            move_session(two, seen[1], Ended(2.0, Outcome.CANCELLED, "killed"))
        assert session_row(two, HEADER).state == "starting"


def test_an_illegal_move_writes_nothing(connection: Connection):
    before = session_row(connection, HEADER)
    with pytest.raises(IllegalMoveError):
        moved(connection, HEADER, Placed(1.0, Place("/somewhere")))
    assert session_row(connection, HEADER) == before
    assert not moves_told(connection)


def refusing(when: str) -> str:
    return (
        f"CREATE TEMP TRIGGER refusing {when}"
        " BEGIN SELECT RAISE(ABORT, 'not today'); END"
    )


@pytest.mark.parametrize(
    "when",
    [
        "BEFORE INSERT ON main.events",
        "AFTER INSERT ON main.events",
        "AFTER UPDATE ON main.sessions",
        "BEFORE UPDATE ON main.runs",
        "AFTER INSERT ON main.events WHEN NEW.name = 'run_ended'",
    ],
)
def test_where_one_write_fails_none_of_a_move_is_there(tmp_path: Path, when: str):
    with closing(written(tmp_path, "header")) as connection:
        before = moved(connection, HEADER, *life()[:3])
        told = moves_told(connection)
        connection.execute(refusing(when))
        with pytest.raises(sqlite3.IntegrityError, match="not today"):
            moved(connection, HEADER, life()[3])
        assert not connection.in_transaction
        assert session_row(connection, HEADER) == before
        assert moves_told(connection) == told
        assert run_row(connection, RUN).state == "running"
        connection.execute("DROP TRIGGER refusing")
        assert moved(connection, HEADER, life()[3]).outcome == "succeeded"


@pytest.mark.parametrize(
    "when", ["AFTER UPDATE ON main.sessions", "AFTER INSERT ON main.events"]
)
def test_a_writer_that_dies_in_the_middle_leaves_nothing(tmp_path: Path, when: str):
    with closing(written(tmp_path, "header")) as connection:
        before = session_row(connection, HEADER)
        ended = subprocess.run(
            [sys.executable, "-c", DIE_BETWEEN, str(tmp_path), when],
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert ended.returncode == 9
        assert session_row(connection, HEADER) == before
        assert not moves_told(connection)
        assert moved(connection, HEADER, Chosen(2.0)).revision == 1


def test_a_failure_inside_a_longer_transaction_undoes_all_of_it(connection: Connection):
    def two_moves() -> None:
        with transaction(connection):
            row = moved(connection, HEADER, Chosen(1.0))
            move_session(connection, row._replace(revision=7), life()[1])

    with pytest.raises(StaleSessionError):
        two_moves()
    assert session_row(connection, HEADER).state == "queued"
    assert not moves_told(connection)
    assert not connection.in_transaction


def test_findings_are_kept_with_the_end(connection: Connection):
    row = moved(connection, HEADER, *life()[:3])
    findings = Findings("c0ffee", "It is built.", {"files": [{"path": "a"}]})
    row = move_session(connection, row, life()[3], findings=findings)
    assert (row.head, row.summary) == ("c0ffee", "It is built.")
    assert row.detail == '{"files": [{"path": "a"}]}'


def test_a_run_ends_with_its_last_session_and_only_once(connection: Connection):
    moved(connection, HEADER, *life())
    assert run_row(connection, RUN).state == "running"
    moved(connection, f"{RUN}/sidebar", Ended(2_000.0, Outcome.CANCELLED, "killed"))
    run = run_row(connection, RUN)
    assert (run.state, run.ended_at) == ("done", 2_000.0)
    assert run.counts == {"cancelled": 1, "succeeded": 1}
    assert len(events_after(connection, RUN, 0, names=["run_ended"])) == 1


@pytest.fixture
def done(connection: Connection) -> SessionRow:
    return moved(connection, HEADER, *life())


@pytest.mark.parametrize("move", life(), ids=lambda move: type(move).__name__)
def test_a_final_state_takes_no_move(
    connection: Connection, done: SessionRow, move: Ended
):
    with pytest.raises(IllegalMoveError):
        move_session(connection, done, move)
    assert session_row(connection, HEADER) == done


@pytest.mark.parametrize(
    "assignment",
    [
        "state = 'queued', revision = 5, ended_at = NULL, outcome = NULL",
        "outcome = 'failed'",
        "reason = 'second thoughts'",
        "ended_at = 0",
        "exit_code = NULL",
        "revision = revision + 1",
        "started_at = 0",
        "workspace = NULL",
        "branch = 'other'",
        "task = 'other'",
        "head = 'other'",
        "summary = 'better words'",
        "stop_wish = 'killed'",
    ],
)
def test_a_final_state_is_final_even_for_plain_sql(
    connection: Connection, done: SessionRow, assignment: str
):
    with pytest.raises(sqlite3.IntegrityError, match="a final state is final"):
        connection.execute(
            f"UPDATE sessions SET {assignment} WHERE id = ?",  # noqa: S608 as listed
            (HEADER,),
        )
    assert session_row(connection, HEADER) == done


@pytest.mark.parametrize(
    "assignment",
    [
        "state = 'starting'",
        "state = 'starting', revision = revision + 2",
        "state = 'dreaming', revision = revision + 1",
        "state = 'running', revision = revision + 1",
        "state = 'stopping', revision = revision + 1, started_at = 1, workspace = 'w'",
        "state = 'done', revision = revision + 1, ended_at = 1, outcome = 'failed'",
        "state = 'done', revision = revision + 1, ended_at = 1, reason = 'none'",
        "state = 'done', revision = 1, ended_at = 1, reason = 'a', outcome = 'good'",
        "ended_at = 1",
        "outcome = 'failed'",
        "attempt = 0",
        "run = 'no-run'",
    ],
)
def test_the_database_refuses_nonsense_too(connection: Connection, assignment: str):
    before = session_row(connection, HEADER)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            f"UPDATE sessions SET {assignment} WHERE id = ?",  # noqa: S608 as listed
            (HEADER,),
        )
    assert session_row(connection, HEADER) == before
