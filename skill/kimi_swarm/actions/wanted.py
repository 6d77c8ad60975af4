"""What somebody wants to run, by file, strategy or words, as a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from kimi_swarm.actions.example import example_call
from kimi_swarm.actions.result_schemas import require_schemas
from kimi_swarm.actions.state import program_name
from kimi_swarm.actions.values import Read, given_values
from kimi_swarm.config import known_at
from kimi_swarm.core.plan import Plan, parse_plan
from kimi_swarm.core.proposal import NoProposalError
from kimi_swarm.core.task import Permission
from kimi_swarm.errors import UsageError
from kimi_swarm.plan_text import parts
from kimi_swarm.strategies import strategies_at
from kimi_swarm.strict_yaml import load_yaml, read_yaml


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked to run: a plan, or a strategy, or single tasks.

    A plan comes from a file or, as plain data, with its paths beginning at `cwd`, which
    is where they asked. `tasks` are in words, and so are `task_files`: each file's name
    without its ending, and what it says; `workspace` is for both.
    `profile` replaces the plan's default worker, `permission` what workers may do,
    `priority` the plan's own. With `into` it is added to that run, with `only_new`
    without the tasks that the run has already; with `proposed` it is what a task of
    that run has proposed.
    `read_piped` reads at most so many bytes of what is piped in, if anything is.
    """

    cwd: Path
    plan_file: Path | None = None
    plan_data: Mapping[str, Any] | None = None
    strategy: str | None = None
    values: Mapping[str, str] | None = None
    tasks: Sequence[str] = ()
    task_files: Sequence[tuple[str, str]] = ()
    profile: str | None = None
    concurrency: int | None = None
    permission: Permission | None = None
    priority: int | None = None
    workspace: str | None = None
    into: str | None = None
    only_new: bool = False
    proposed: bool = False
    read_piped: Read | None = None


class Reading(NamedTuple):
    """A plan, the folder of its paths, a name, and tasks that were left out."""

    plan: Plan
    folder: Path
    name: str
    left: tuple[str, ...] = ()


def read_plan(
    wanted: Wanted,
    *,
    among: Collection[str] = (),
    proposal: Mapping[str, Any] | None = None,
) -> Reading:
    """Return the plan that was asked for, as it is written.

    `among` are the tasks of the run that it is added to, `proposal` what one of them
    has proposed.
    """
    sources = [
        *(wanted.plan_file, wanted.plan_data, wanted.strategy),
        *(wanted.tasks or wanted.task_files or None, wanted.proposed or None),
    ]
    if sum(source is not None for source in sources) != 1:
        raise UsageError(
            "Name one thing to run: a plan, a strategy, tasks, or what is proposed.",
            remedy="For example: " + f"{program_name()} {example_call()}".lstrip(),
        )
    only_new, folder = wanted.only_new, wanted.cwd
    if wanted.plan_file is not None:
        path = wanted.plan_file
        data, origin = read_yaml(path), str(path)
        folder, name = path.absolute().parent, path.stem
    elif wanted.plan_data is not None:
        data, origin, name = wanted.plan_data, "the plan", "plan"
    elif wanted.strategy is not None:
        text, resumes = _rendered(wanted, wanted.strategy)
        name, origin = wanted.strategy, f"strategy {wanted.strategy}"
        data, only_new = load_yaml(text, origin=origin), only_new or resumes
    elif wanted.proposed:
        if proposal is None:
            raise NoProposalError(wanted.into or "")
        data, origin, name = proposal, "the proposal", "proposal"
    else:
        data, origin, name = _in_words(wanted, among), "tasks in words", "tasks"
    plan = parse_plan(data, origin=origin, among=among, only_new=only_new)
    require_schemas(plan, origin=origin)
    left = tuple(task for task in plan.tasks if task in among)
    plan = plan.without(left)
    if wanted.profile is not None:
        known_at(wanted.cwd).profile(wanted.profile)
        plan = plan.with_profile(wanted.profile)
    return Reading(plan, folder, name, left)


def _rendered(wanted: Wanted, name: str) -> tuple[str, bool]:
    """Return a strategy's plan as text, and whether it resumes."""
    found = strategies_at(wanted.cwd).take(name)
    header = found.header()
    values = given_values(
        header, wanted.values or {}, cwd=wanted.cwd, read_piped=wanted.read_piped
    )
    return found.render(values), header.resumes


def _in_words(wanted: Wanted, among: Collection[str]) -> dict[str, object]:
    """Make a plan of tasks in words, their names free in the run.

    Those from files are named for their files, the others are counted.
    """
    named = parts((name for name, _ in wanted.task_files), kept=among)
    taken = {*among, *(part.name for part in named)}
    free = (name for number in count(1) if (name := f"task-{number}") not in taken)
    prompts = dict(zip(free, wanted.tasks, strict=False)) | {
        part.name: text
        for part, (_, text) in zip(named, wanted.task_files, strict=True)
    }
    return {
        "defaults": {"workspace": wanted.workspace or "worktree"},
        "tasks": {name: {"prompt": text} for name, text in prompts.items()},
    }
