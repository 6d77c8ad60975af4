"""poll: only what is new to the asker, of a run or a session. Light.

What is new stays new until `note_told` hears of the marks that come with it.
"""

from __future__ import annotations

import time

from kimi_swarm.actions.output import NEWS_BYTES, lines_after, streams_of
from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import HEARTBEAT_S, Line, changes, existing, keep_alive
from kimi_swarm.core.names import is_session
from kimi_swarm.core.redact import redacted_lines
from kimi_swarm.core.row import Row
from kimi_swarm.store.database import Connection
from kimi_swarm.store.inbox import OVER, Mark, cursor_of, over_scope
from kimi_swarm.store.views import (
    EventRow,
    RunRow,
    SessionRow,
    dialect_of,
    events_after,
    run_row,
    session_row,
)

OUTPUT_STEP_S = 0.25
TOLD = (
    *("launched", "asked", "answered", "stop_began", "ended", "retrying"),
    *("run_ended", "run_reopened", "run_paused", "run_resumed", "tasks_added"),
    *("budget_warned", "budget_gone", "budget_raised"),
    *("run_held", "run_stuck", "run_released"),
)


class RunNews(Row):
    """What happened in a run since this asker last asked."""

    run: RunRow
    events: list[EventRow]
    is_timeout: bool
    marks: tuple[Mark, ...] = ()


class SessionNews(Row):
    """What a session's worker wrote since this asker last asked.

    Lines that are not the worker's are `OurLine`.
    """

    session: SessionRow
    lines: list[str]
    is_timeout: bool
    marks: tuple[Mark, ...] = ()


def poll(
    home: str,
    scope: str,
    *,
    asker: str = "",
    timeout_s: float = 0.0,
    line: Line | None = None,
) -> RunNews | SessionNews:
    """Return what is new to the asker, waiting up to `timeout_s` for something.

    It counts as told when `note_told` gets its marks. Whoever cuts the `line` ends the
    wait. Raises UnknownRunError, UnknownSessionError.
    """
    deadline = time.monotonic() + timeout_s
    look = _session_news if is_session(scope) else _run_news
    with existing(home, scope) as connection:
        news = look(home, connection, scope, asker)
        if timeout_s <= 0 or not news.is_timeout:
            keep_alive(home, connection)
            return news
        # Output goes straight from worker to file: nobody announces a new line.
        step_s = OUTPUT_STEP_S if is_session(scope) else HEARTBEAT_S
        for _ in changes(home, connection, deadline, step_s=step_s, line=line):
            news = look(home, connection, scope, asker)
            if not news.is_timeout:
                return news
        return news


def _run_news(home: str, connection: Connection, run: str, asker: str) -> RunNews:
    assert home  # noqa: S101 both looks have one shape
    row = run_row(connection, run)
    after = cursor_of(connection, asker, run)
    told = events_after(connection, run, after, names=TOLD)
    marks = [Mark(asker, run, told[-1].seq)] if told else []
    if ends := [event.seq for event in told if event.name in OVER]:
        marks.append(Mark(asker, over_scope(run), ends[-1]))
    return RunNews(row, told, not told and row.state != "done", tuple(marks))


def _session_news(
    home: str, connection: Connection, session: str, asker: str
) -> SessionNews:
    row = session_row(connection, session)
    streams = streams_of(home, row, dialect_of(connection, row))
    # An earlier release counted lines, of all streams together.
    seen_lines = cursor_of(connection, asker, session)
    lines: list[str] = []
    marks: list[Mark] = []
    for stream in streams:
        scope = f"{session}/{stream.name}"
        place = cursor_of(connection, asker, scope)
        if place:
            seen_lines = 0
        limit_bytes = None if seen_lines else NEWS_BYTES
        found, behind = lines_after(stream, place, limit_bytes=limit_bytes)
        lines += found[seen_lines:]
        seen_lines = max(0, seen_lines - len(found))
        if behind > place:
            marks.append(Mark(asker, scope, behind))
    lines = redacted_lines(lines, secrets_of(home, row.run)) if lines else lines
    is_timeout = not lines and row.state != "done"
    return SessionNews(row, lines, is_timeout, tuple(marks))
