"""wait: block until a run (or any session of it) has ended. Light.

An end stays untold until `note_told` hears of the marks that come with it.
"""

from __future__ import annotations

import time

from kimi_swarm.actions.state import Line, changes, existing
from kimi_swarm.core.row import Row
from kimi_swarm.core.totals import NOTHING, Totals
from kimi_swarm.store.database import Connection
from kimi_swarm.store.inbox import Mark, cursor_of, ends_scope, over_scope, present_end
from kimi_swarm.store.totals import totals_of
from kimi_swarm.store.views import (
    EventRow,
    RunRow,
    SessionRow,
    events_after,
    latest_sessions,
    run_row,
    session_row,
)


class Waited(Row):
    """What a wait saw: the run, its sessions, and with `--any` the one that ended.

    `completion` is the id of the end it tells of, or of being held; None if of neither,
    `totals` what the run used, as far as its sessions are over.
    """

    run: RunRow
    sessions: list[SessionRow]
    ended: SessionRow | None
    is_timeout: bool
    completion: str | None = None
    marks: tuple[Mark, ...] = ()
    totals: Totals = NOTHING


def wait(
    home: str,
    run: str,
    *,
    is_any: bool = False,
    timeout_s: float | None = None,
    asker: str = "",
    line: Line | None = None,
) -> Waited:
    """Wait until a run has ended, or with `is_any` until a session of it has.

    A run that is stuck, held by a budget with nothing at work, is waited for no more.
    With `is_any` each asker is told of every end, in order, also of those before the
    call. An end counts as told when `note_told` gets its marks. Whoever cuts the `line`
    ends the wait. Raises UnknownRunError.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    with existing(home, run) as connection:
        run_row(connection, run)
        for _ in changes(home, connection, deadline, line=line):
            ended = _next_end(connection, run, asker) if is_any else None
            row = run_row(connection, run)
            if ended is not None or row.state == "done" or row.is_stuck:
                return _seen(connection, row, asker, ended)
        return _seen(connection, run_row(connection, run), asker, None)


def _seen(
    connection: Connection, run: RunRow, asker: str, ended: EventRow | None
) -> Waited:
    rows = latest_sessions(connection, run.id)
    if ended is not None:
        session = session_row(connection, ended.session or "")
        mark = Mark(asker, ends_scope(run.id), ended.seq)
        return Waited(run, rows, session, False, f"{session.id}#{ended.seq}", (mark,))
    totals = totals_of(connection, run=run.id)
    end = present_end(connection, run)
    if end is None:
        return Waited(run, rows, None, run.state != "done", totals=totals)
    mark = Mark(asker, over_scope(run.id), end.seq)
    return Waited(run, rows, None, False, end.id, (mark,), totals)


def _next_end(connection: Connection, run: str, asker: str) -> EventRow | None:
    after = cursor_of(connection, asker, ends_scope(run))
    while events := events_after(connection, run, after, names=("ended",)):
        for event in events:
            # One that is tried again is no end that anybody has to look at.
            row = session_row(connection, event.session or "")
            if '"retry": {' not in (row.detail or ""):
                return event
        after = events[-1].seq
    return None
