"""The inbox: which ends an asker has not been told, and how far it was told. Light.

An end is an event, so it has an id for ever: `calm-river#41`, or `calm-river/header#39`
for a session's. A run that goes on and ends again has another end, which tells of the
run as a whole: the ends before it need no telling then. A run that is stuck, held by a
budget with nothing of it at work, is told like one that ended, for as long as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from kimi_swarm.core.row import Row
from kimi_swarm.core.wake import Standing
from kimi_swarm.store.database import transaction
from kimi_swarm.store.views import RunRow, SessionRow
from kimi_swarm.store.wishes import move_cursor

ALL_RUNS = "#over"
"""The scope of an asker's place in all runs; no run has such a name."""


OVER = ("run_ended", "run_stuck")
"""The events that are ends of runs."""
_HELD = "(SELECT held FROM runs WHERE id = events.run AND stuck_seq = events.seq)"


class End(Row):
    """One end of a run, or with `held` the budget on which it is stuck."""

    seq: int
    run: str
    at: float
    held: str | None = None

    @property
    def id(self) -> str:
        """The completion's id, the same whenever it is told."""
        return f"{self.run}#{self.seq}"


class Mark(Row):
    """How far an asker has read a scope, once it was told what was read."""

    asker: str
    scope: str
    position: int


def over_scope(run: str) -> str:
    """Name the scope of a run's own ends."""
    return f"{run}/#over"


def ends_scope(run: str) -> str:
    """Name the scope of the ends of a run's sessions."""
    return f"{run}/#ends"


def cursor_of(connection: sqlite3.Connection, asker: str, scope: str) -> int:
    """Return how far an asker has read a scope; 0 at first."""
    row = connection.execute(
        "SELECT position FROM cursors WHERE asker = ? AND scope = ?", (asker, scope)
    ).fetchone()
    return int(row[0]) if row else 0


def present_end(connection: sqlite3.Connection, run: RunRow) -> End | None:
    """Return the end that a run stood at when it was read, None where it went on."""
    if run.is_stuck:
        clause, held = "seq = :seq", run.held
    elif run.state == "done":
        clause, held = "run = :run AND name = 'run_ended'", None
    else:
        return None
    row = connection.execute(
        "SELECT seq, run, at, :held FROM events"  # noqa: S608 ours
        f" WHERE {clause} ORDER BY seq DESC LIMIT 1",
        {"seq": run.stuck_seq, "run": run.id, "held": held},
    ).fetchone()
    return End(*row) if row else None


def untold_ends(connection: sqlite3.Connection, asker: str, *, limit: int) -> list[End]:
    """Return ends that an asker was not told, oldest first, at most `limit`.

    Those are of its own runs and of runs that belong to nobody; of all runs for the
    asker without a name. Whoever has runs of its own is told of nothing that ended
    before the first of these began. That a run was stuck is told while it is.
    """
    rows = connection.execute(
        f"SELECT seq, run, at, {_HELD} FROM events INDEXED BY completions"  # noqa: S608 ours
        " WHERE name IN ('run_ended', 'run_stuck') AND seq > coalesce((SELECT position"
        "  FROM cursors WHERE asker = ?1 AND scope = ?2), 0)"
        f" AND (name = 'run_ended' OR {_HELD} IS NOT NULL)"
        " AND (?1 = '' OR (SELECT owner FROM runs WHERE id = events.run) IN ('', ?1))"
        " AND at >= coalesce((SELECT min(created_at) FROM runs"
        "  WHERE owner = ?1 AND ?1 != ''), 0)"
        " AND seq > coalesce((SELECT position FROM cursors"
        "  WHERE asker = ?1 AND scope = events.run || '/#over'), 0)"
        " ORDER BY seq LIMIT ?3",
        (asker, ALL_RUNS, limit),
    )
    return [End(*row) for row in rows]


def was_told(connection: sqlite3.Connection, asker: str, end: End) -> bool:
    """Whether an asker was told an end, or a later one of the same run."""
    scopes = (over_scope(end.run), ALL_RUNS)
    return any(cursor_of(connection, asker, scope) >= end.seq for scope in scopes)


def note_marks(connection: sqlite3.Connection, marks: Sequence[Mark]) -> None:
    """Remember what an asker was told; never moves back."""
    if not marks:
        return
    with transaction(connection):
        for mark in marks:
            move_cursor(connection, mark.asker, mark.scope, mark.position)


def standings(rows: Sequence[SessionRow]) -> list[Standing]:
    """Return how the tasks of sessions stand, in their order."""
    return [
        Standing(
            row.task,
            row.outcome or row.state,
            row.reason or "",
            row.is_fine,
            bool(row.branch) and row.outcome == "succeeded",
        )
        for row in rows
    ]
