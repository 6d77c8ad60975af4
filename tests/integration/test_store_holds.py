"""Being held is told once for each time that nothing works, however budgets move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import RUN, a_task, life, moved, written
from kimi_swarm.core.session import Ended, Outcome
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.holds import note_stuck, set_held
from kimi_swarm.store.inbox import ALL_RUNS, Mark, note_marks, untold_ends
from kimi_swarm.store.notices import first_due, notices_of, settle, wish_notice
from kimi_swarm.store.runs import add_tasks, delete_run
from kimi_swarm.store.views import events_after, run_row, wants_supervisor

AT = 2_000.0
HELD = "budget usd 1.00 spent 1.01"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(written(tmp_path, "header", "sidebar")) as opened:
        yield opened


def look(connection: Connection, words: str | None) -> None:
    """Write down what a supervisor saw: which budget holds the run, None for none."""
    with transaction(connection):
        set_held(connection, {} if words is None else {RUN: (words, None)}, at=AT)
        note_stuck(connection, at=AT)


def holds(connection: Connection) -> int:
    return len(events_after(connection, RUN, 0, names=["run_stuck"]))


def untold(connection: Connection) -> list[str | None]:
    """Return what ada was not told of: the budget of each hold, None of each end."""
    return [end.held for end in untold_ends(connection, "ada", limit=9)]


def test_a_run_is_stuck_only_when_nothing_of_it_works(connection: Connection):
    chosen, placed, launched, ended = life()
    for move in (chosen, placed, launched):
        moved(connection, f"{RUN}/header", move)
        look(connection, HELD)
        assert not run_row(connection, RUN).is_stuck
        assert wants_supervisor(connection)
    moved(connection, f"{RUN}/header", ended)
    look(connection, HELD)
    assert run_row(connection, RUN).is_stuck
    assert untold(connection) == [HELD]
    assert not wants_supervisor(connection)


def test_a_budget_whose_words_change_is_told_once(connection: Connection):
    for spent in range(9):
        look(connection, f"budget of the day usd 1.00 spent {spent}")
    assert holds(connection) == 1
    assert untold(connection) == ["budget of the day usd 1.00 spent 8"]


def test_each_time_that_it_is_held_anew_has_an_event_and_only_the_last_is_told(
    connection: Connection,
):
    for _ in range(3):
        look(connection, HELD)
        look(connection, None)
        assert untold(connection) == []
    look(connection, HELD)
    assert holds(connection) == 4
    assert untold(connection) == [HELD]


def test_who_was_told_of_a_hold_is_told_of_the_end(connection: Connection):
    look(connection, HELD)
    (hold,) = untold_ends(connection, "ada", limit=9)
    note_marks(connection, [Mark("ada", ALL_RUNS, hold.seq)])
    assert untold(connection) == []
    for task in ("header", "sidebar"):
        moved(connection, f"{RUN}/{task}", Ended(AT, Outcome.CANCELLED, "killed"))
    assert not run_row(connection, RUN).is_stuck
    assert untold(connection) == [None]
    look(connection, None)
    assert untold(connection) == [None]


def test_a_notice_of_a_hold_waits_again_when_it_is_lifted_and_is_due_at_the_next(
    connection: Connection,
):
    wish_notice(connection, RUN, "ada", "{}")
    look(connection, HELD)
    due = first_due(connection)
    assert due is not None
    assert (due.held, due.due_at) == (HELD, AT + 2)
    look(connection, None)
    assert first_due(connection) is None
    # The call to the host had begun: what came of it tells nothing of the next hold.
    settle(connection, due, "accepted", None)
    look(connection, HELD)
    settle(connection, due, "accepted", None)
    again = first_due(connection)
    assert again is not None
    assert again.seq != due.seq
    settle(connection, again, "accepted", None)
    look(connection, None)
    assert [one.state for one in notices_of(connection, RUN)] == ["waiting"]


def test_a_notice_of_an_end_stays_due_when_the_hold_is_forgotten_later(
    connection: Connection,
):
    wish_notice(connection, RUN, "ada", "{}")
    look(connection, HELD)
    for task in ("header", "sidebar"):
        moved(connection, f"{RUN}/{task}", Ended(AT, Outcome.CANCELLED, "killed"))
    look(connection, None)
    due = first_due(connection)
    assert due is not None
    assert due.held is None


def test_who_adds_work_to_a_held_run_is_to_be_told_anew(connection: Connection):
    look(connection, HELD)
    add_tasks(connection, RUN, [a_task("app")], {"app": {}}, at=AT)
    assert untold(connection) == []
    assert wants_supervisor(connection)
    look(connection, HELD)
    assert (holds(connection), untold(connection)) == (2, [HELD])


def test_of_a_held_run_that_is_over_nobody_says_that_it_starts_again(
    connection: Connection,
):
    look(connection, HELD)
    for task in ("header", "sidebar"):
        moved(connection, f"{RUN}/{task}", Ended(AT, Outcome.CANCELLED, "killed"))
    look(connection, None)
    assert run_row(connection, RUN).held is None
    assert events_after(connection, RUN, 0, names=["run_released"]) == []


def test_a_run_that_was_held_is_forgotten_like_any(connection: Connection):
    look(connection, HELD)
    for task in ("header", "sidebar"):
        moved(connection, f"{RUN}/{task}", Ended(AT, Outcome.CANCELLED, "killed"))
    delete_run(connection, RUN)
    assert untold(connection) == []
