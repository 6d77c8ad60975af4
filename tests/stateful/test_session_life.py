"""Any moves, by two writers with rows that may be stale: the store never lies."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakes.runs import BORN_AT, RUN, opened, written
from kimi_swarm.core.session import (
    MOVES,
    Chosen,
    Done,
    Ended,
    IllegalMoveError,
    Launched,
    Move,
    Outcome,
    Place,
    Placed,
    Queued,
    State,
    StopBegan,
    apply,
    replay,
)
from kimi_swarm.store.inbox import cursor_of
from kimi_swarm.store.moves import StaleSessionError, move_of, move_session, state_of
from kimi_swarm.store.views import (
    SessionRow,
    events_after,
    latest_sessions,
    live_sessions,
    run_row,
    session_row,
    sessions_of,
)
from kimi_swarm.store.wishes import move_cursor, wish_stop

TASKS = ("header", "sidebar", "footer")
moments = st.floats(1, 1e10)
words = st.text(min_size=1, max_size=8)
places = st.builds(Place, words, st.none() | words, st.none() | words)
moves: st.SearchStrategy[Move] = st.one_of(
    st.builds(Chosen, moments),
    st.builds(Placed, moments, places),
    st.builds(Launched, moments),
    st.builds(StopBegan, moments, words),
    st.builds(
        Ended,
        moments,
        st.sampled_from(Outcome),
        words,
        st.none() | st.integers(-64, 255),
    ),
)
onwards: dict[str, st.SearchStrategy[Move]] = {
    "queued": st.builds(Chosen, moments),
    "starting": st.builds(Placed, moments, places) | st.builds(Launched, moments),
    "running": st.builds(StopBegan, moments, words),
}
tasks = st.sampled_from(TASKS)
writers = st.sampled_from((0, 1))


class SessionLife(RuleBasedStateMachine):
    """A model of what every session should be, beside the store."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        home = Path(self.folder.name)
        self.writers = (written(home, *TASKS), opened(home))
        self.states: dict[str, State] = {task: Queued(BORN_AT) for task in TASKS}
        self.revisions = dict.fromkeys(TASKS, 0)
        self.seen: list[SessionRow] = sessions_of(self.writers[0], RUN)
        self.cursor = 0

    def teardown(self) -> None:
        for connection in self.writers:
            connection.close()
        self.folder.cleanup()

    @rule(task=tasks, writer=writers, data=st.data())
    def goes_on(self, task: str, writer: int, data: st.DataObject) -> None:
        row = session_row(self.writers[writer], f"{RUN}/{task}")
        self.tries(writer, row, data.draw(onwards.get(row.state, moves)))

    @rule(writer=writers, move=moves, data=st.data())
    def tries_with_what_it_once_saw(
        self, writer: int, move: Move, data: st.DataObject
    ) -> None:
        self.tries(writer, data.draw(st.sampled_from(self.seen)), move)

    def tries(self, writer: int, row: SessionRow, move: Move) -> None:
        is_stale = row.revision != self.revisions[row.task]
        try:
            expected = apply(state_of(row), move)
        except IllegalMoveError:
            expected = None
        try:
            after = move_session(self.writers[writer], row, move)
        except IllegalMoveError:
            assert expected is None
            return
        except StaleSessionError:
            assert is_stale
            return
        assert expected is not None
        assert not is_stale
        assert state_of(after) == expected
        self.states[row.task] = expected
        self.revisions[row.task] = after.revision
        self.seen.append(after)

    @rule(writer=writers, scope=st.sampled_from(["*", RUN, f"{RUN}/header"]))
    def wishes_to_stop(self, writer: int, scope: str) -> None:
        before = {row.id for row in live_sessions(self.writers[writer])}
        told = set(wish_stop(self.writers[writer], scope, "killed"))
        assert told <= before
        assert scope != "*" or told == before

    @rule(writer=writers, position=st.integers(0, 50))
    def reads_on(self, writer: int, position: int) -> None:
        move_cursor(self.writers[writer], "anna", RUN, position)
        self.cursor = max(self.cursor, position)
        assert cursor_of(self.writers[1 - writer], "anna", RUN) == self.cursor

    @precondition(lambda self: any(isinstance(s, Done) for s in self.states.values()))
    @rule(writer=writers, column=st.sampled_from(["outcome", "reason", "revision"]))
    def forges_an_end(self, writer: int, column: str) -> None:
        with suppress(sqlite3.IntegrityError):
            self.writers[writer].execute(
                f"UPDATE sessions SET {column} = NULL WHERE state = 'done'"  # noqa: S608 as listed
            )
            raise AssertionError("a final state was changed")

    @invariant()
    def rows_and_diary_tell_the_same(self) -> None:
        for connection in self.writers:
            for row in sessions_of(connection, RUN):
                told = events_after(connection, row.id, 0, names=list(MOVES))
                assert state_of(row) == self.states[row.task]
                retold = replay(BORN_AT, [move_of(event) for event in told])
                assert retold == self.states[row.task]
                assert row.revision == len(told) == self.revisions[row.task]
                ends = [event for event in told if event.name == "ended"]
                assert len(ends) == (row.state == "done") == (row.outcome is not None)

    @invariant()
    def the_run_is_over_exactly_with_its_sessions(self) -> None:
        is_over = all(isinstance(state, Done) for state in self.states.values())
        run = run_row(self.writers[1], RUN)
        ends = events_after(self.writers[1], RUN, 0, names=["run_ended"])
        assert (run.state == "done") == is_over == bool(ends)
        assert len(ends) <= 1
        assert run.counts == Counter(
            row.outcome or row.state for row in latest_sessions(self.writers[0], RUN)
        )
        assert run.total == len(TASKS)


TestSessionLife = SessionLife.TestCase
TestSessionLife.settings = settings(max_examples=40, stateful_step_count=30)
