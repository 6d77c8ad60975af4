"""Reading runs and sessions as rows: light, for verbs that are called often.

Named tuples and plain SQL; nothing here imports dataclasses, pydantic or pathlib.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from kimi_swarm.core.row import Row
from kimi_swarm.errors import SwarmError


class UnknownRunError(SwarmError):
    """Raised when there is no run of that id."""

    code = "unknown_run"

    def __init__(self, run: str) -> None:
        remedy = "Run `list` to see the runs there are."
        if "/" in run:
            remedy = f"A run is meant here, not a session: {run.partition('/')[0]}."
        super().__init__(f"There is no run {run!r}.", remedy=remedy)


class UnknownSessionError(SwarmError):
    """Raised when there is no session of that id."""

    code = "unknown_session"

    def __init__(self, session: str) -> None:
        run, slash, _ = session.partition("/")
        remedy = f"Run `list {run}` to see the sessions of that run."
        if not slash:
            remedy = f"Name a session, such as {run}/TASK; `list {run}` shows them."
        super().__init__(f"There is no session {session!r}.", remedy=remedy)


class RunRow(Row):
    """A run with a count of its sessions by state or, when done, by outcome."""

    id: str
    name: str
    state: str
    repo: str | None
    base: str | None
    created_at: float
    ended_at: float | None
    paused_at: float | None
    owner: str
    held: str | None
    warned: str | None
    stuck_seq: int | None
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """How many tasks the run has sessions for, later attempts not counted twice."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many of them are over."""
        live = ("queued", "starting", "running", "stopping")
        return self.total - sum(self.counts.get(name, 0) for name in live)

    @property
    def is_stuck(self) -> bool:
        """Whether nothing works, and nothing starts as a budget is gone."""
        return self.stuck_seq is not None


class SessionRow(Row):
    """A session as it stands in the store."""

    id: str
    run: str
    task: str
    attempt: int
    place: int
    profile: str
    state: str
    revision: int
    since_at: float
    created_at: float
    started_at: float | None
    ended_at: float | None
    workspace: str | None
    branch: str | None
    base: str | None
    cause: str | None
    outcome: str | None
    reason: str | None
    exit_code: int | None
    stop_wish: str | None
    head: str | None
    summary: str | None
    detail: str | None
    follows: str | None
    message: str | None
    asking: str | None
    ready_at: float
    tries: int

    @property
    def is_fine(self) -> bool:
        """Whether nobody has to look: it succeeded, or was not needed in the end."""
        return self.outcome == "succeeded" or self.reason == "not_needed"


class EventRow(Row):
    """One fact of a run's diary; `data` is JSON."""

    seq: int
    run: str
    session: str | None
    name: str
    at: float
    data: str


SESSION_COLUMNS = ", ".join(SessionRow._fields)
# The last attempt speaks for a task: earlier ones are history.
_LATEST = (
    "attempt = (SELECT max(attempt) FROM sessions AS later"
    " WHERE later.run = sessions.run AND later.task = sessions.task)"
)


def recent_runs(
    connection: sqlite3.Connection, *, limit: int, owner: str = ""
) -> list[RunRow]:
    """Return running runs, then the newest others, at most `limit`.

    With an `owner` only those that belong to that asker.
    """
    order = "ORDER BY state DESC, created_at DESC LIMIT ?"
    if owner:
        return _runs(connection, f"WHERE owner = ? {order}", owner, limit)
    return _runs(connection, order, limit)


def count_runs(connection: sqlite3.Connection, *, owner: str = "") -> int:
    """Return how many runs are stored, of an owner if one is given."""
    clause, arguments = (" WHERE owner = ?", [owner]) if owner else ("", [])
    asked = "SELECT count(*) FROM runs" + clause  # noqa: S608 ours
    (count,) = connection.execute(asked, arguments).fetchone()
    return int(count)


def run_row(connection: sqlite3.Connection, run: str) -> RunRow:
    """Return one run; raises UnknownRunError."""
    rows = _runs(connection, "WHERE id = ?", run)
    if not rows:
        raise UnknownRunError(run)
    return rows[0]


def repository_of(
    connection: sqlite3.Connection, run: str
) -> tuple[str | None, str | None]:
    """Return a run's repository and base commit; raises UnknownRunError."""
    row = connection.execute(
        "SELECT repo, base FROM runs WHERE id = ?", (run,)
    ).fetchone()
    if row is None:
        raise UnknownRunError(run)
    return row[0], row[1]


def _runs(
    connection: sqlite3.Connection, clause: str, *arguments: object
) -> list[RunRow]:
    found = connection.execute(
        "SELECT id, name, state, repo, base, created_at, ended_at, paused_at, owner,"  # noqa: S608 ours
        " held, warned, stuck_seq FROM runs " + clause,
        arguments,
    ).fetchall()
    return [RunRow._make((*row, _counts(connection, row[0]))) for row in found]


def _counts(connection: sqlite3.Connection, run: str) -> dict[str, int]:
    return dict(
        connection.execute(
            "SELECT name, number FROM counts WHERE run = ? AND number > 0"
            " ORDER BY name",
            (run,),
        )
    )


def sessions_of(connection: sqlite3.Connection, run: str) -> list[SessionRow]:
    """Return every session of a run in plan order, attempts in order."""
    return _sessions(connection, "run = ? ORDER BY place, attempt", run)


def latest_sessions(connection: sqlite3.Connection, run: str) -> list[SessionRow]:
    """Return the last attempt of each task of a run, in plan order."""
    return _sessions(connection, f"run = ? AND {_LATEST} ORDER BY place", run)


def session_row(connection: sqlite3.Connection, session: str) -> SessionRow:
    """Return one session; raises UnknownSessionError."""
    rows = _sessions(connection, "id = ?", session)
    if not rows:
        raise UnknownSessionError(session)
    return rows[0]


def _sessions(
    connection: sqlite3.Connection, clause: str, argument: str
) -> list[SessionRow]:
    rows = connection.execute(
        f"SELECT {SESSION_COLUMNS} FROM sessions WHERE {clause}",  # noqa: S608 ours
        (argument,),
    )
    return [SessionRow(*row) for row in rows]


def events_after(
    connection: sqlite3.Connection,
    scope: str,
    seq: int,
    *,
    names: Sequence[str],
    limit: int = 1000,
) -> list[EventRow]:
    """Return events of these names, of a run or session, after `seq`, oldest first."""
    column = "session" if "/" in scope else "run"
    marks = ", ".join("?" * len(names))
    rows = connection.execute(
        "SELECT seq, run, session, name, at, data FROM events"  # noqa: S608 ours
        f" WHERE {column} = ? AND seq > ? AND name IN ({marks}) ORDER BY seq LIMIT ?",
        (scope, seq, *names, limit),
    )
    return [EventRow(*row) for row in rows]


def is_paused(connection: sqlite3.Connection, run: str) -> bool:
    """Whether a run is to start nothing more."""
    row = connection.execute("SELECT paused_at FROM runs WHERE id = ?", (run,))
    return row.fetchone() not in (None, (None,))


def live_runs(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of runs that are not over."""
    rows = connection.execute("SELECT id FROM runs WHERE state = 'running'")
    return [run for (run,) in rows]


def is_last_wanted(connection: sqlite3.Connection, session: str) -> bool:
    """Whether a session is its task's last, and nobody wished it to stop."""
    (is_last,) = connection.execute(
        "SELECT NOT EXISTS (SELECT 1 FROM sessions AS other"
        " JOIN sessions AS this ON this.run = other.run AND this.task = other.task"
        " WHERE this.id = ?1"
        " AND (other.attempt > this.attempt OR this.stop_wish IS NOT NULL))",
        (session,),
    ).fetchone()
    return bool(is_last)


def wants_supervisor(connection: sqlite3.Connection) -> bool:
    """Whether there is anything that only a supervisor can do.

    A run that is paused, or stuck until a budget is raised, waits for a person; but
    what runs in it must be looked after, its time limit kept, and wishes to stop
    fulfilled. Hosts must be told what they wait for.
    """
    (wants,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM runs WHERE state = 'running'"
        " AND (wall_s IS NOT NULL OR paused_at IS NULL"
        " AND (stuck_seq IS NULL OR held_until_at IS NOT NULL)))"
        # Left to itself, SQLite reads the whole of a larger index instead.
        " OR EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_busy"
        " WHERE state IN ('starting', 'running', 'stopping'))"
        " OR EXISTS (SELECT 1 FROM sessions"
        " WHERE state = 'queued' AND stop_wish IS NOT NULL)"
        " OR EXISTS (SELECT 1 FROM notices WHERE state = 'due')"
    ).fetchone()
    return bool(wants)


def live_sessions(connection: sqlite3.Connection) -> list[SessionRow]:
    """Return every session that is not over, oldest first."""
    return _sessions(connection, "state != ? ORDER BY created_at, place", "done")


def result_of(connection: sqlite3.Connection, session: str) -> str | None:
    """Return the JSON text of a session's result, None where there is none."""
    found = connection.execute(
        "SELECT result FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    return found[0] if found else None


def dialect_of(connection: sqlite3.Connection, row: SessionRow) -> str:
    """Return the dialect in which a session's worker speaks."""
    found = connection.execute(
        "SELECT json_extract(data, '$.recipe.dialect') FROM tasks"
        " WHERE run = ? AND name = ?",
        (row.run, row.task),
    ).fetchone()
    return str(found[0]) if found else "text"
