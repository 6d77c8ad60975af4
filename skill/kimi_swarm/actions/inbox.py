"""inbox: which runs ended, or are stuck, that an asker was not told of. Light."""

from __future__ import annotations

import time

from kimi_swarm.actions.state import Line, changes, keep_alive, reading
from kimi_swarm.core.row import Row
from kimi_swarm.store.database import Connection
from kimi_swarm.store.inbox import ALL_RUNS, End, Mark, untold_ends
from kimi_swarm.store.views import RunRow, SessionRow, latest_sessions, run_row

LIMIT = 20


class Completion(Row):
    """An end that the asker was not told, with the run and its sessions as they are."""

    end: End
    run: RunRow
    sessions: list[SessionRow]


class Inbox(Row):
    """Ends that are new to an asker, oldest first; `has_more` if these are not all."""

    completions: list[Completion]
    has_more: bool
    is_timeout: bool
    marks: tuple[Mark, ...] = ()


def inbox(
    home: str, *, asker: str = "", timeout_s: float = 0.0, line: Line | None = None
) -> Inbox:
    """Return which ends the asker was not told of, waiting for one if asked.

    An asker with a name is told of its own runs and of those that belong to nobody,
    the one without a name of all. They count as told when `note_told` gets the marks.
    Whoever cuts the `line` ends the wait.
    """
    deadline = time.monotonic() + timeout_s
    with reading(home) as connection:
        if connection is None:
            return Inbox([], False, True)
        found = _look(connection, asker)
        if timeout_s <= 0 or found.completions:
            keep_alive(home, connection)
            return found
        for _ in changes(home, connection, deadline, line=line):
            found = _look(connection, asker)
            if found.completions:
                break
        return found


def _look(connection: Connection, asker: str) -> Inbox:
    ends = untold_ends(connection, asker, limit=LIMIT + 1)
    shown = ends[:LIMIT]
    told = [
        Completion(
            end, run_row(connection, end.run), latest_sessions(connection, end.run)
        )
        for end in shown
    ]
    marks = (Mark(asker, ALL_RUNS, shown[-1].seq),) if shown else ()
    return Inbox(told, len(ends) > len(shown), not shown, marks)
