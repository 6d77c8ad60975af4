"""What `plan` and `spawn` say of workers, tasks and budgets, as an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kimi_swarm.core.budget import Budget
from kimi_swarm.core.task import Task

if TYPE_CHECKING:
    from kimi_swarm.actions.plan import Prepared
    from kimi_swarm.core.forecast import Forecast


def preview_object(
    prepared: Prepared, expected: Forecast, written: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what would run: all that the preview in words tells, and the plan."""
    repo = prepared.repo
    return {
        "plan": written,
        "notes": prepared.notes,
        "expected": expected._asdict(),
        "models": prepared.models,
        "name": prepared.name,
        "repo": None if repo is None else str(repo.root),
        "base": prepared.base,
        "new_repo": prepared.wants_new_repo,
        "concurrency": prepared.concurrency,
        "spacing_s": prepared.spacing_s,
        "wall_s": prepared.wall_s,
        "workers": worker_objects(prepared),
        "tasks": [_task(task) for task in prepared.tasks],
        "budgets": _budgets(prepared.plan.budgets("")),
        "standing_budgets": _budgets(prepared.standing_budgets),
    }


def worker_objects(prepared: Prepared) -> list[dict[str, Any]]:
    """Return of each kind of worker what it may do, what leaves, and how it is held."""
    return [
        {
            "name": name,
            "models": prepared.models.get(name),
            "permission": prepared.permission,
            "sends_to": sends_to,
            "holds": prepared.holds.get(name),
            "limits": prepared.limited.get(name),
            "budget_held": "per_request" if name in prepared.gated else "per_session",
        }
        for name, sends_to in prepared.sends_to.items()
    ]


def _task(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "title": task.title,
        "profile": task.recipe.profile,
        "model": task.recipe.model,
        "needs": task.needs,
        "workspace": task.workspace.mode,
        "timeout_s": task.time_limit_s,
        "check": task.check,
    }


def _budgets(budgets: Iterable[Budget]) -> list[dict[str, Any]]:
    return [
        {
            # A plan's run has no id yet: its budgets are of `run/` and `task//header`.
            "scope": one.scope.replace("//", "/").removesuffix("/"),
            "good": one.good,
            "most": one.most,
            "at_limit": one.act,
        }
        for one in budgets
    ]
