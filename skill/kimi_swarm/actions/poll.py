"""poll: only what is new to the asker, of a run or a session. Light."""

from __future__ import annotations

import time
from typing import NamedTuple

from kimi_swarm.actions.log import read_lines
from kimi_swarm.actions.state import changes, existing, keep_alive
from kimi_swarm.core.names import is_session
from kimi_swarm.store.database import Connection
from kimi_swarm.store.views import (
    EventRow,
    RunRow,
    SessionRow,
    cursor_of,
    dialect_of,
    events_after,
    run_row,
    session_row,
)
from kimi_swarm.store.wishes import move_cursor

TOLD = ("launched", "asked", "answered", "stop_began", "ended", "run_ended")


class RunNews(NamedTuple):
    """What happened in a run since this asker last asked."""

    run: RunRow
    events: list[EventRow]
    is_timeout: bool


class SessionNews(NamedTuple):
    """What a session's worker wrote since this asker last asked."""

    session: SessionRow
    lines: list[str]
    is_timeout: bool


def poll(
    home: str, scope: str, *, asker: str = "", timeout_s: float = 0.0
) -> RunNews | SessionNews:
    """Return what is new to the asker, waiting up to `timeout_s` for something.

    Raises UnknownRunError, UnknownSessionError.
    """
    deadline = time.monotonic() + timeout_s
    look = _session_news if is_session(scope) else _run_news
    with existing(home, scope) as connection:
        news = look(home, connection, scope, asker)
        if timeout_s <= 0:
            keep_alive(home, connection)
            return news
        for _ in changes(home, connection, deadline):
            news = look(home, connection, scope, asker)
            if not news.is_timeout:
                return news
        return news


def _run_news(home: str, connection: Connection, run: str, asker: str) -> RunNews:
    assert home  # noqa: S101 both looks have one shape
    row = run_row(connection, run)
    events = events_after(connection, run, cursor_of(connection, asker, run))
    if events:
        move_cursor(connection, asker, run, events[-1].seq)
    told = [event for event in events if event.name in TOLD]
    return RunNews(row, told, not told and row.state != "done")


def _session_news(
    home: str, connection: Connection, session: str, asker: str
) -> SessionNews:
    row = session_row(connection, session)
    dialect = dialect_of(connection, row)
    lines, _ = read_lines(home, row, dialect, tail_only=False)
    seen = cursor_of(connection, asker, session)
    if len(lines) > seen:
        move_cursor(connection, asker, session, len(lines))
    return SessionNews(row, lines[seen:], len(lines) <= seen and row.state != "done")
