"""Runs as a plan would make them, without a plan: for tests of store and scheduler."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kimi_swarm.core.session import (
    Chosen,
    Ended,
    Launched,
    Move,
    Outcome,
    Place,
    Placed,
)
from kimi_swarm.core.task import PromptVia, Recipe, Task
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.moves import move_session
from kimi_swarm.store.runs import NewRun, create_run
from kimi_swarm.store.views import SessionRow, session_row

RUN = "calm-river"
BORN_AT = 1_000.0


def a_recipe(profile: str = "demo", *, max_parallel: int | None = None) -> Recipe:
    return Recipe(profile, ("/bin/true",), PromptVia.NONE, max_parallel=max_parallel)


def a_task(
    name: str, *, needs: Iterable[str] = (), recipe: Recipe | None = None
) -> Task:
    return Task(name, f"Build {name}.", recipe or a_recipe(), needs=tuple(needs))


def a_run(
    *tasks: Task | str, concurrency: int = 5, wall_s: float | None = None
) -> NewRun:
    made = [a_task(task) if isinstance(task, str) else task for task in tasks]
    return NewRun(
        name="dashboard",
        tasks=made,
        repo=None,
        base=None,
        concurrency=concurrency,
        spacing_s=0.0,
        wall_s=wall_s,
        plan={"tasks": {task.name: {} for task in made}},
        notes=("one note",),
    )


def opened(home: Path) -> Connection:
    connection = open_database(str(home), create=True)
    assert connection is not None
    return connection


def written(home: Path, *tasks: Task | str, run: str = RUN) -> Connection:
    """Open a state folder and write a run of these tasks."""
    connection = opened(home)
    create_run(connection, run, a_run(*tasks), at=BORN_AT)
    return connection


def moved(connection: Connection, session: str, *moves: Move) -> SessionRow:
    row = session_row(connection, session)
    for move in moves:
        row = move_session(connection, row, move)
    return row


def life(
    outcome: Outcome = Outcome.SUCCEEDED, *, at: float = BORN_AT
) -> tuple[Move, ...]:
    """Every move of a session that was not disturbed."""
    return (
        Chosen(at + 1),
        Placed(at + 2, Place("/somewhere", "swarm/branch", "c0ffee")),
        Launched(at + 3),
        Ended(at + 4, outcome, "changes", 0),
    )
