"""What is answered about a run that begins, or would, as models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from kimi_swarm.calls.told import Owner, Told
from kimi_swarm.core.budget import Act, Good
from kimi_swarm.core.task import Permission, WorkspaceMode


class WorkerTold(Told):
    """One kind of worker: what it may do, what leaves the machine, how it is held."""

    name: Annotated[str, Field(description="The name of its profile.")]
    models: Annotated[
        tuple[str, ...] | None,
        Field(description="Null: it takes none; empty: the one it is set up for."),
    ]
    permission: Permission
    sends_to: Annotated[str, Field(description="What leaves the machine, and where.")]
    holds: Annotated[
        str | None, Field(description="What keeps it to its permission, if said.")
    ]
    limits: Annotated[
        str | None, Field(description="How it is held to what its provider bears.")
    ]
    budget_held: Annotated[
        Literal["per_request", "per_session"],
        Field(description="Per session, a budget may be overshot by those at work."),
    ]


class TaskTold(Told):
    """One task as it would run, everything chosen."""

    name: str
    title: str
    profile: str
    model: Annotated[str | None, Field(description="Null leaves it to the worker.")]
    needs: tuple[str, ...]
    workspace: WorkspaceMode
    timeout_s: float
    check: str | None


class BudgetTold(Told):
    """At most so much of a good."""

    scope: Annotated[
        str, Field(description="run, task/header, day, month or pool-day/moonshot.")
    ]
    good: Good
    most: float
    at_limit: Act


class ExpectedTold(Told):
    """What earlier sessions let expect of a plan; null is unknown."""

    seconds: float | None
    usd: float | None
    tokens: int | None
    longest: int
    sessions: int
    unknown: tuple[str, ...]
    advice: tuple[str, ...]


class PreviewTold(Told):
    """What would run: the plan as it is written, what comes of it, what to expect."""

    plan: dict[str, JsonValue]
    notes: tuple[str, ...]
    expected: ExpectedTold
    models: dict[str, tuple[str, ...]]
    name: str
    repo: Annotated[str | None, Field(description="Null where it is new, or none.")]
    base: Annotated[str | None, Field(description="The commit that tasks begin from.")]
    new_repo: Annotated[bool, Field(description="Whether one is made for the run.")]
    concurrency: int
    spacing_s: float
    wall_s: float | None
    workers: tuple[WorkerTold, ...]
    tasks: Annotated[
        tuple[TaskTold, ...], Field(description="Needs before what needs them.")
    ]
    budgets: Annotated[
        tuple[BudgetTold, ...], Field(description="Of this run and its tasks.")
    ]
    standing_budgets: Annotated[
        tuple[BudgetTold, ...], Field(description="Of all runs together.")
    ]


class SpawnedTold(Told):
    """A run that is on its way; `left` tasks were in it already."""

    run: str
    name: str
    state: Literal["running"]
    tasks: tuple[str, ...]
    profiles: tuple[str, ...]
    concurrency: int
    repo: str | None
    notes: tuple[str, ...]
    left: int
    owner: Owner = None
    workers: tuple[WorkerTold, ...] = ()
