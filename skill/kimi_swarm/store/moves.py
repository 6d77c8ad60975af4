"""Moving sessions: state and event in one transaction, or neither."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.session import (
    Done,
    Move,
    Outcome,
    Place,
    Queued,
    Running,
    Starting,
    State,
    Stopping,
    apply,
    move_from_dict,
    move_name,
    move_to_dict,
    place_of,
    state_name,
)
from kimi_swarm.core.usage import NOTHING_TOLD, Part, Told
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.database import transaction
from kimi_swarm.store.usage import settle
from kimi_swarm.store.views import SESSION_COLUMNS, EventRow, SessionRow


class StaleSessionError(SwarmError):
    """Raised when somebody else moved the session first; look again."""

    code = "stale_session"
    exit_code = 3
    retryable = True

    def __init__(self, session: str) -> None:
        super().__init__(f"Session {session} was moved by somebody else.")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was learnt of a session's work by its end.

    `head` is the commit that holds it, `detail` plain data: files, usage, check;
    `result` the JSON text of an answer that fits its schema. `told` is what its worker
    told that it used, `used` what is written down of it (core/usage.py).
    """

    head: str | None = None
    summary: str | None = None
    detail: dict[str, Any] | None = None
    result: str | None = None
    told: Told = NOTHING_TOLD
    used: tuple[Part, ...] = ()


def note(
    connection: sqlite3.Connection,
    run: str,
    session: str | None,
    name: str,
    at: float,
    data: dict[str, Any],
) -> None:
    """Write one event of a run's diary, inside the caller's transaction."""
    connection.execute(
        "INSERT INTO events (run, session, name, at, data) VALUES (?, ?, ?, ?, ?)",
        (run, session, name, at, json.dumps(data)),
    )


def move_session(
    connection: sqlite3.Connection,
    session: SessionRow,
    move: Move,
    *,
    findings: Findings | None = None,
) -> SessionRow:
    """Move a session from exactly the revision that was read; return the new row.

    With its end comes its usage, and the run ends with its last session, in the same
    transaction. Raises
    StaleSessionError when another writer moved it first, IllegalMoveError when the
    state has no such move.
    """
    state = apply(state_of(session), move)
    known = findings or Findings()
    values = {
        **_columns(state),
        "revision": session.revision + 1,
        "asking": None,
        "head": known.head,
        "summary": known.summary,
        "detail": None if known.detail is None else json.dumps(known.detail),
        "result": known.result,
    }
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    with transaction(connection):
        moved = connection.execute(
            f"UPDATE sessions SET {assignments}"  # noqa: S608 our own column names
            f" WHERE id = :id AND revision = :expected RETURNING {SESSION_COLUMNS}",
            {**values, "id": session.id, "expected": session.revision},
        ).fetchall()
        if not moved:
            raise StaleSessionError(session.id)
        name, data = move_name(move), move_to_dict(move)
        note(connection, session.run, session.id, name, move.at, data)
        if isinstance(state, Done):
            settle(connection, session, state, known.used)
            _end_run_if_over(connection, session.run, state.ended_at)
    return SessionRow._make(moved[0])


def set_asking(
    connection: sqlite3.Connection, session: str, question: str | None, *, at: float
) -> None:
    """Write down what a session's worker waits to be answered, None for nothing."""
    with transaction(connection):
        changed = connection.execute(
            "UPDATE sessions SET asking = ?"
            " WHERE id = ? AND state != 'done' AND asking IS NOT ?",
            (question, session, question),
        )
        if changed.rowcount:
            name = "answered" if question is None else "asked"
            run = session.partition("/")[0]
            note(connection, run, session, name, at, {"question": question})


def _end_run_if_over(connection: sqlite3.Connection, run: str, at: float) -> None:
    live = connection.execute(
        "SELECT 1 FROM sessions WHERE run = ? AND state != 'done' LIMIT 1", (run,)
    ).fetchone()
    if live:
        return
    connection.execute(
        "UPDATE runs SET state = 'done', ended_at = ? WHERE id = ?", (at, run)
    )
    note(connection, run, None, "run_ended", at, {})


def _columns(state: State) -> dict[str, Any]:
    place = place_of(state) or Place("")
    columns: dict[str, Any] = {
        "state": state_name(state),
        "workspace": place.workspace or None,
        "branch": place.branch,
        "base": place.base,
    }
    match state:
        case Queued(since_at=at) | Starting(since_at=at):
            columns["since_at"] = at
        case Running(started_at=at):
            columns |= {"since_at": at, "started_at": at}
        case Stopping(since_at=at, cause=cause):
            columns |= {"since_at": at, "cause": cause}
        case Done():
            columns |= {
                "since_at": state.ended_at,
                "ended_at": state.ended_at,
                "outcome": state.outcome.value,
                "reason": state.reason,
                "exit_code": state.exit_code,
            }
    return columns


def state_of(row: SessionRow) -> State:
    """Rebuild the state that a row stands for."""
    place = Place(row.workspace, row.branch, row.base) if row.workspace else None
    if row.state == "queued":
        return Queued(row.since_at)
    if row.state == "starting":
        return Starting(row.since_at, place)
    if row.state == "done":
        assert row.ended_at is not None  # noqa: S101 a CHECK of the table
        outcome, reason = Outcome(row.outcome or ""), row.reason or ""
        return Done(row.ended_at, outcome, reason, row.started_at, row.exit_code, place)
    assert row.started_at is not None  # noqa: S101 a CHECK of the table
    assert place is not None  # noqa: S101 a CHECK of the table
    if row.state == "running":
        return Running(row.started_at, place)
    return Stopping(row.started_at, row.since_at, place, row.cause or "")


def move_of(event: EventRow) -> Move:
    """Rebuild the move that an event tells of."""
    return move_from_dict(event.name, json.loads(event.data))
