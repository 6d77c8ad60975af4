"""A plan that a planner proposes as its result: data of a worker, taken as such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kimi_swarm.errors import SwarmError

TAKEN = ("prompt", "needs")


class NoProposalError(SwarmError):
    """Raised when no task of a run has proposed any tasks."""

    code = "no_proposal"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"No task of {run} has proposed a plan.",
            remedy=f"Begin with the strategy auto, and wait for {run} to end.",
        )


def proposed_plan(results: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the plan that the last of these results proposes, None if none does.

    Only names, prompts and needs are taken: a worker may ask for work, not for shell
    lines that nobody has read.
    """
    for result in reversed(list(results.values())):
        tasks = result.get("tasks") if isinstance(result, Mapping) else None
        if isinstance(tasks, list) and all(_is_task(each) for each in tasks):
            return {"tasks": {each["name"]: _taken(each) for each in tasks}}
    return None


def _is_task(each: Any) -> bool:
    return isinstance(each, Mapping) and isinstance(each.get("name"), str)


def _taken(each: Mapping[str, Any]) -> dict[str, Any]:
    return {field: each[field] for field in TAKEN if field in each}
