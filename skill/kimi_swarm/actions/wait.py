"""wait: block until a run (or any session of it) has ended. Light."""

from __future__ import annotations

import time

from kimi_swarm.actions.state import Line, changes, existing
from kimi_swarm.core.row import Row
from kimi_swarm.store.database import Connection
from kimi_swarm.store.views import (
    RunRow,
    SessionRow,
    cursor_of,
    events_after,
    latest_sessions,
    run_row,
    session_row,
)
from kimi_swarm.store.wishes import move_cursor


class Waited(Row):
    """What a wait saw: the run, its sessions, and with `--any` the one that ended."""

    run: RunRow
    sessions: list[SessionRow]
    ended: SessionRow | None
    is_timeout: bool


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

    With `is_any` each asker is told of every end once, in order, also of those before
    the call. Whoever cuts the `line` ends the wait. Raises UnknownRunError.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    with existing(home, run) as connection:
        run_row(connection, run)
        for _ in changes(home, connection, deadline, line=line):
            ended = _next_end(connection, run, asker) if is_any else None
            row = run_row(connection, run)
            if ended is not None or row.state == "done":
                return Waited(row, latest_sessions(connection, run), ended, False)
        row = run_row(connection, run)
        return Waited(row, latest_sessions(connection, run), None, row.state != "done")


def _next_end(connection: Connection, run: str, asker: str) -> SessionRow | None:
    scope = f"{run}/ends"
    after = cursor_of(connection, asker, scope)
    for event in events_after(connection, run, after, names=("ended",)):
        assert event.session is not None  # noqa: S101 only sessions end so
        move_cursor(connection, asker, scope, event.seq)
        row = session_row(connection, event.session)
        # One that is tried again is no end that anybody has to look at.
        if '"retry": {' not in (row.detail or ""):
            return row
    return None
