"""Writing runs, their tasks and first sessions, and forgetting them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.names import SessionId
from kimi_swarm.core.task import Task, task_from_dict, task_to_dict
from kimi_swarm.store.database import transaction
from kimi_swarm.store.moves import note
from kimi_swarm.store.views import SessionRow, UnknownRunError


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be written: its tasks in plan order, limits, and what to tell people."""

    name: str
    tasks: Sequence[Task]
    repo: str | None
    base: str | None
    concurrency: int
    spacing_s: float
    wall_s: float | None
    plan: dict[str, Any]
    notes: Sequence[str] = ()


def create_run(
    connection: sqlite3.Connection,
    run: str,
    new: NewRun,
    *,
    at: float,
) -> None:
    """Write a run, its tasks and a queued session for each, all or nothing."""
    with transaction(connection):
        connection.execute(
            "INSERT INTO runs (id, name, state, repo, base, concurrency, spacing_s,"
            " wall_s, profiles, plan, notes, created_at)"
            " VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run,
                new.name,
                new.repo,
                new.base,
                new.concurrency,
                new.spacing_s,
                new.wall_s,
                json.dumps(_profiles(new.tasks)),
                json.dumps(new.plan),
                json.dumps(list(new.notes)),
                at,
            ),
        )
        note(connection, run, None, "run_started", at, {"name": new.name})
        for place, task in enumerate(new.tasks):
            connection.execute(
                "INSERT INTO tasks (run, name, place, data) VALUES (?, ?, ?, ?)",
                (run, task.name, place, json.dumps(task_to_dict(task))),
            )
            _queue(connection, SessionId(run, task.name), place, task, at=at)


def _profiles(tasks: Sequence[Task]) -> dict[str, dict[str, float | None]]:
    """Collect what the scheduler has to know of the profiles in use."""
    return {
        task.recipe.profile: {
            "max_parallel": task.recipe.max_parallel,
            "spacing_s": task.recipe.spacing_s,
        }
        for task in tasks
    }


def _queue(
    connection: sqlite3.Connection,
    session: SessionId,
    place: int,
    task: Task,
    *,
    at: float,
    ready_at: float = 0.0,
) -> None:
    connection.execute(
        "INSERT INTO sessions (id, run, task, attempt, place, profile, needs, state,"
        " since_at, created_at, ready_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        (
            str(session),
            *session,
            place,
            task.recipe.profile,
            " ".join(task.needs),
            at,
            at,
            ready_at,
        ),
    )
    note(connection, session.run, str(session), "queued", at, {})


def queue_message(
    connection: sqlite3.Connection, former: SessionRow, message: str, *, at: float
) -> str:
    """Queue a session that goes on with a former one's conversation; return its id.

    A run that was over is running again. `former` must be its task's last session.
    """
    session = SessionId(former.run, former.task, former.attempt + 1)
    with transaction(connection):
        connection.execute(
            "INSERT INTO sessions (id, run, task, attempt, place, profile, state,"
            " since_at, created_at, follows, message)"
            " VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?)",
            (
                str(session),
                *session,
                former.place,
                former.profile,
                at,
                at,
                former.id,
                message,
            ),
        )
        note(connection, session.run, str(session), "queued", at, {})
        reopened = connection.execute(
            "UPDATE runs SET state = 'running', ended_at = NULL"
            " WHERE id = ? AND state = 'done'",
            (session.run,),
        )
        if reopened.rowcount:
            note(connection, session.run, None, "run_reopened", at, {})
    return str(session)


def task_of(connection: sqlite3.Connection, run: str, task: str) -> Task:
    """Return a task of a run; raises UnknownRunError."""
    row = connection.execute(
        "SELECT data FROM tasks WHERE run = ? AND name = ?", (run, task)
    ).fetchone()
    if row is None:
        raise UnknownRunError(run)
    return task_from_dict(json.loads(row[0]))


def tasks_of(connection: sqlite3.Connection, run: str) -> list[Task]:
    """Return the tasks of a run in plan order."""
    rows = connection.execute(
        "SELECT data FROM tasks WHERE run = ? ORDER BY place", (run,)
    )
    return [task_from_dict(json.loads(data)) for (data,) in rows]


def time_limit_of(connection: sqlite3.Connection, run: str) -> float | None:
    """Return how many seconds a run may take, None for any."""
    row = connection.execute("SELECT wall_s FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise UnknownRunError(run)
    limit_s: float | None = row[0]
    return limit_s


def notes_of(connection: sqlite3.Connection, run: str) -> list[str]:
    """Return what was noted for people when the run was spawned."""
    row = connection.execute("SELECT notes FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise UnknownRunError(run)
    return [str(note) for note in json.loads(row[0])]


def runs_ended_before(connection: sqlite3.Connection, at: float) -> list[str]:
    """Return the runs that were over before a moment, oldest first."""
    rows = connection.execute(
        "SELECT id FROM runs WHERE state = 'done' AND ended_at < ? ORDER BY ended_at",
        (at,),
    )
    return [run for (run,) in rows]


def delete_run(connection: sqlite3.Connection, run: str) -> None:
    """Forget a run that is over, with its tasks, sessions, events and cursors."""
    with transaction(connection):
        gone = connection.execute(
            "DELETE FROM runs WHERE id = ? AND state = 'done'", (run,)
        )
        if gone.rowcount:
            connection.execute(
                "DELETE FROM cursors WHERE scope = ? OR scope LIKE ? || '/%'",
                (run, run),
            )
