"""Queueing sessions: a task's first, a try after a fault, or one that goes on."""

from __future__ import annotations

import json
import sqlite3

from kimi_swarm.core.names import SessionId
from kimi_swarm.core.output import FailureClass
from kimi_swarm.core.retry import GO_ON, Limited, Retry
from kimi_swarm.core.task import Task
from kimi_swarm.store.moves import note
from kimi_swarm.store.views import SessionRow


def queue_first(
    connection: sqlite3.Connection, run: str, place: int, task: Task, *, at: float
) -> None:
    """Queue a task's first session, inside the caller's transaction."""
    _queue(
        connection,
        SessionId(run, task.name),
        at,
        {
            "place": place,
            "profile": task.recipe.profile,
            "needs": " ".join(task.needs),
            "queue_s": task.queue_s,
            "condition": _condition(task),
            "rank": task.rank,
        },
    )


def queue_message(
    connection: sqlite3.Connection, former: SessionRow, message: str, *, at: float
) -> str:
    """Queue a session that goes on with a former one's conversation; return its id.

    `former` must be its task's last session. Inside the caller's transaction, who also
    sees to it that the run is open.
    """
    following: dict[str, object] = {"follows": former.id, "message": message}
    return _queue_after(connection, former, at, following)


def queue_retry(
    connection: sqlite3.Connection,
    former: SessionRow,
    task: Task,
    retry: Retry,
    *,
    at: float,
) -> str:
    """Queue another try of a task whose last session was `former`; return its id.

    One that resumes works in the former's place; else it begins anew, as the former
    did: from the task's needs, or from the conversation that it went on with. Inside
    the caller's transaction.
    """
    values: dict[str, object] = {
        "ready_at": at + retry.delay_s if retry.delay_s else 0.0,
        "tries": retry.tries,
        "queue_s": task.queue_s,
        "rank": task.rank,
    }
    if retry.resumes:
        values |= {"follows": former.id, "message": GO_ON}
    elif former.follows is not None:
        values |= {"follows": former.follows, "message": former.message}
    else:
        values |= {"needs": " ".join(task.needs), "condition": _condition(task)}
    session = _queue_after(connection, former, at, values)
    told = {"after": former.id, "delay_s": retry.delay_s, "resumes": retry.resumes}
    if not retry.counts:
        told["counts"] = False
    note(connection, former.run, session, "retrying", at, told)
    return session


def limited_so_far(
    connection: sqlite3.Connection, row: SessionRow, *, at: float
) -> Limited:
    """Return how a rate limit, which ends this session, has held up its task."""
    found = Limited(1, at - row.created_at)
    for reason, created_at in connection.execute(
        "SELECT reason, created_at FROM sessions"
        " WHERE run = ? AND task = ? AND attempt < ? ORDER BY attempt DESC",
        (row.run, row.task, row.attempt),
    ):
        if reason != FailureClass.RATE_LIMIT:
            break
        found = Limited(found.sessions + 1, at - created_at)
    return found


def _condition(task: Task) -> str | None:
    return json.dumps(task.when) if task.when else None


def _queue_after(
    connection: sqlite3.Connection,
    former: SessionRow,
    at: float,
    values: dict[str, object],
) -> str:
    session = SessionId(former.run, former.task, former.attempt + 1)
    own = {"place": former.place, "profile": former.profile, **values}
    _queue(connection, session, at, own)
    return str(session)


def _queue(
    connection: sqlite3.Connection,
    session: SessionId,
    at: float,
    values: dict[str, object],
) -> None:
    run, task, attempt = session
    row = {
        "id": str(session),
        "run": run,
        "task": task,
        "attempt": attempt,
        "state": "queued",
        "since_at": at,
        "created_at": at,
        **values,
    }
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(
        f"INSERT INTO sessions ({', '.join(row)}) VALUES ({marks})",  # noqa: S608 our own column names
        row,
    )
    note(connection, run, str(session), "queued", at, {})
