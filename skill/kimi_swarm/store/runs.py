"""Writing runs, their tasks and first sessions, and forgetting them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.budget import Budget
from kimi_swarm.core.task import Task, task_from_dict, task_to_dict
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.attempts import queue_first
from kimi_swarm.store.budgets import keep_budgets
from kimi_swarm.store.database import transaction
from kimi_swarm.store.moves import note
from kimi_swarm.store.views import SessionRow, UnknownRunError


class NameTakenError(SwarmError):
    """Raised when a task that is added has the name of one that is there."""

    code = "name_taken"

    def __init__(self, run: str, names: Sequence[str]) -> None:
        what = "a task" if len(names) == 1 else "tasks"
        super().__init__(
            f"Run {run} already has {what} named {', '.join(names)}; nothing was "
            "added.",
            remedy="Choose other names, or `retry` what is there.",
        )


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be written: its tasks in plan order, limits, and what to tell people.

    Requests of `gated` profiles are held one by one.
    """

    name: str
    tasks: Sequence[Task]
    repo: str | None
    base: str | None
    concurrency: int
    spacing_s: float
    wall_s: float | None
    plan: dict[str, Any]
    notes: Sequence[str] = ()
    min_free_mib: int = 0
    priority: int = 0
    owner: str = ""
    gated: frozenset[str] = frozenset()
    budgets: Sequence[Budget] = ()


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
            " wall_s, profiles, plan, notes, created_at, since_at, open_at,"
            " min_free_mib, priority, owner)"
            " VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run,
                new.name,
                new.repo,
                new.base,
                new.concurrency,
                new.spacing_s,
                new.wall_s,
                json.dumps(_profiles(new.tasks, new.gated)),
                json.dumps(new.plan),
                json.dumps(list(new.notes)),
                at,
                at,
                at,
                new.min_free_mib,
                new.priority,
                new.owner,
            ),
        )
        note(connection, run, None, "run_started", at, {"name": new.name})
        keep_budgets(connection, new.budgets)
        _write_tasks(connection, run, new.tasks, first=0, at=at)


def _profiles(
    tasks: Sequence[Task], gated: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Collect what the scheduler has to know of the profiles in use.

    Of pools those that all of a profile's tasks draw on: no task waits for another's.
    """
    found: dict[str, dict[str, Any]] = {}
    for task in tasks:
        recipe = task.recipe
        before = found.get(recipe.profile)
        draws = {
            key: [name for name in names if before is None or name in before[key]]
            for key, names in (
                ("pools", recipe.pools),
                ("spends_on", recipe.spends_on),
            )
        }
        found[recipe.profile] = {
            "max_parallel": recipe.max_parallel,
            "spacing_s": recipe.spacing_s,
            **draws,
            "weight": [recipe.memory_mib, recipe.cores],
            "is_gated": recipe.profile in gated,
        }
    return found


def add_tasks(
    connection: sqlite3.Connection,
    run: str,
    tasks: Sequence[Task],
    plan: Mapping[str, Any],
    *,
    at: float,
    gated: Collection[str] = (),
    budgets: Sequence[Budget] = (),
) -> None:
    """Add tasks to a run, each with a queued session; opens a run that was over.

    `plan` holds their part of the plan as written. All or nothing. Raises
    UnknownRunError, NameTakenError.
    """
    with transaction(connection):
        known = tasks_of(connection, run)
        if not known:
            raise UnknownRunError(run)
        names = {task.name for task in known}
        if taken := [task.name for task in tasks if task.name in names]:
            raise NameTakenError(run, taken)
        open_run(connection, run, at=at)
        note(connection, run, None, "tasks_added", at, {"count": len(tasks)})
        keep_budgets(connection, budgets)
        _write_tasks(connection, run, tasks, first=len(known), at=at)
        profiles, written = connection.execute(
            "SELECT profiles, plan FROM runs WHERE id = ?", (run,)
        ).fetchone()
        profiles = {**json.loads(profiles), **_profiles(tasks, gated)}
        whole = json.loads(written)
        whole["tasks"] = {**whole.get("tasks", {}), **plan}
        connection.execute(
            "UPDATE runs SET profiles = ?, plan = ? WHERE id = ?",
            (json.dumps(profiles), json.dumps(whole), run),
        )


def _write_tasks(
    connection: sqlite3.Connection,
    run: str,
    tasks: Sequence[Task],
    *,
    first: int,
    at: float,
) -> None:
    for place, task in enumerate(tasks, start=first):
        connection.execute(
            "INSERT INTO tasks (run, name, place, data) VALUES (?, ?, ?, ?)",
            (run, task.name, place, json.dumps(task_to_dict(task))),
        )
        queue_first(connection, run, place, task, at=at)


def open_run(connection: sqlite3.Connection, run: str, *, at: float) -> None:
    """Let a run that was over go on; its limits count from now. Does nothing else.

    Inside the caller's transaction, who gives it something to do.
    """
    reopened = connection.execute(
        "UPDATE runs SET state = 'running', ended_at = NULL, since_at = ?, open_at = ?"
        " WHERE id = ? AND state = 'done'",
        (at, at, run),
    )
    if reopened.rowcount:
        note(connection, run, None, "run_reopened", at, {})


def set_paused(
    connection: sqlite3.Connection, run: str, *, is_paused: bool, at: float
) -> bool:
    """Let a run start nothing more, or start again; whether that changed anything."""
    with transaction(connection):
        changed = connection.execute(
            "UPDATE runs SET paused_at = ?, open_at = ?"
            " WHERE id = ? AND state = 'running' AND (paused_at IS NULL) = ?",
            (at if is_paused else None, at, run, is_paused),
        )
        if changed.rowcount:
            name = "run_paused" if is_paused else "run_resumed"
            note(connection, run, None, name, at, {})
    return bool(changed.rowcount)


def task_of(connection: sqlite3.Connection, run: str, task: str) -> Task:
    """Return a task of a run; raises UnknownRunError."""
    row = connection.execute(
        "SELECT data FROM tasks WHERE run = ? AND name = ?", (run, task)
    ).fetchone()
    if row is None:
        raise UnknownRunError(run)
    return task_from_dict(json.loads(row[0]))


def spends_on(connection: sqlite3.Connection, session: SessionRow) -> list[str]:
    """Return the pools whose budgets a session draws on, as far as they are known."""
    rows = connection.execute(
        "SELECT value FROM tasks, json_each(tasks.data, '$.recipe.spends_on')"
        " WHERE run = ? AND name = ?",
        (session.run, session.task),
    )
    return [pool for (pool,) in rows]


def tasks_of(connection: sqlite3.Connection, run: str) -> list[Task]:
    """Return the tasks of a run in plan order."""
    rows = connection.execute(
        "SELECT data FROM tasks WHERE run = ? ORDER BY place", (run,)
    )
    return [task_from_dict(json.loads(data)) for (data,) in rows]


def plan_of(connection: sqlite3.Connection, run: str) -> dict[str, Any]:
    """Return a run's plan as it was written; raises UnknownRunError."""
    row = connection.execute("SELECT plan FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise UnknownRunError(run)
    plan: dict[str, Any] = json.loads(row[0])
    return plan


def labels_of(connection: sqlite3.Connection, run: str) -> dict[str, str]:
    """Return the titles that a run's plan gave, by task; most plans give none."""
    rows = connection.execute(
        "SELECT name, json_extract(data, '$.label') FROM tasks"
        " WHERE run = ? AND json_extract(data, '$.label') != ''",
        (run,),
    )
    return dict(rows.fetchall())


def time_limit_of(connection: sqlite3.Connection, run: str) -> float | None:
    """Return how many seconds a run may take, None for any."""
    row = connection.execute("SELECT wall_s FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise UnknownRunError(run)
    limit_s: float | None = row[0]
    return limit_s


def concurrency_of(connection: sqlite3.Connection, run: str) -> int:
    """Return how many of a run's workers may work at once. Raises UnknownRunError."""
    row = connection.execute(
        "SELECT concurrency FROM runs WHERE id = ?", (run,)
    ).fetchone()
    if row is None:
        raise UnknownRunError(run)
    return int(row[0])


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
            # Ends are numbered on: who is told of later ones needs none of this.
            connection.execute(
                "DELETE FROM cursors WHERE NOT EXISTS (SELECT 1 FROM runs)"
            )
