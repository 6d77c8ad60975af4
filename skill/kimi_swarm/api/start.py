"""What programs name to begin a run, as a call takes it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from kimi_swarm.core.plan import Plan
from kimi_swarm.core.written import shown
from kimi_swarm.errors import UsageError

PlanLike = str | os.PathLike[str] | Plan | Mapping[str, Any]
May = Literal["read", "edit", "full"]
Where = Literal["worktree", "fresh", "shared", "none"]
PathLike = str | os.PathLike[str]


def source_of(
    *,
    plan: PlanLike | None,
    tasks: Sequence[str],
    task_files: Sequence[PathLike],
    strategy: str | None,
    parameters: Mapping[str, Any] | None,
    proposed: bool,
    **fields: object,
) -> dict[str, object]:
    """Return what to run as a call takes it; None means that a field was left out.

    Raises UsageError where nothing is named, or several things are.
    """
    source = {
        "plan": _plan(plan),
        "task": _texts("tasks", tasks),
        "task_file": _texts("task_files", task_files),
        "strategy": strategy,
        "proposed": proposed,
    }
    _require_one(source)
    return {**source, "set": parameters, **fields}


def _plan(plan: PlanLike | None) -> object:
    """Return a plan as a call takes it: the name of its file, or plain data.

    What is none of these is left for the call to refuse.
    """
    if isinstance(plan, Plan):
        return plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(plan, os.PathLike):
        return os.fspath(plan)
    return dict(plan) if isinstance(plan, Mapping) else plan


def _texts(name: str, given: Sequence[PathLike]) -> list[object] | None:
    """Return texts or paths as a call takes them, None where there are none.

    Raises UsageError for a single text, which would be taken for its letters.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(
            f"`{name}` must be a list of texts, not {shown(given)}.",
            remedy=f'Give one text for each worker: {name}=["…", "…"].',
        )
    made = [os.fspath(one) if isinstance(one, os.PathLike) else one for one in given]
    return list(made) or None


def _require_one(source: Mapping[str, object]) -> None:
    """Refuse to begin nothing, or several things at once."""
    words = {
        "a plan": source["plan"] is not None,
        "tasks": bool(source["task"] or source["task_file"]),
        "a strategy": source["strategy"] is not None,
        "what is proposed": bool(source["proposed"]),
    }
    named = [word for word, is_named in words.items() if is_named]
    if len(named) != 1:
        what = f"{' and '.join(named)} are several" if named else "nothing is named"
        raise UsageError(
            f"Name one thing to run: {what}.",
            remedy="Give a plan, or tasks (and files of tasks), or a strategy with its "
            'parameters, such as tasks=["Write NOTES.md"], profile="demo".',
        )
