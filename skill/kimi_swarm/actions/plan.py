"""plan: from what people ask for to tasks that are resolved on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kimi_swarm.actions.gated import gated_profiles
from kimi_swarm.actions.models import choose_model
from kimi_swarm.actions.pools import unseen_by_pools, with_pools
from kimi_swarm.actions.ready import Ready, first_ready, look_for_all
from kimi_swarm.actions.resolve import Places, resolve_task
from kimi_swarm.actions.standing import Standing, find_standing
from kimi_swarm.actions.unpriced import unpriced_models
from kimi_swarm.actions.wanted import Wanted, read_plan
from kimi_swarm.config import Manifest, known_at
from kimi_swarm.core.budget import Budget
from kimi_swarm.core.plan import NEW_REPOSITORY, Plan
from kimi_swarm.core.pool_rule import PoolRule
from kimi_swarm.core.task import Permission, Task, WorkspaceMode
from kimi_swarm.errors import UsageError
from kimi_swarm.workspace.copying import check_copies
from kimi_swarm.workspace.repository import open_repository, resolve_commit
from kimi_swarm.workspace.survey import Survey, survey
from kimi_swarm.workspace.tree import Repository

TITLE_CHARS = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that is ready to be spawned: every task resolved on this machine.

    `repo` is None where no task needs one, and for `repo: new` until the run has a
    name (then `wants_new_repo`). `left` are tasks that the run has already.
    `models` are by profile those that are asked for; none leaves it to the worker.
    `pools` are those that are written, `limited` says by profile how it is held to what
    its provider bears. Requests of `gated` profiles are held one by one;
    `standing_budgets` are those of days, months and pools.
    """

    name: str
    plan: Plan
    tasks: tuple[Task, ...]
    repo: Repository | None
    base: str | None
    wants_new_repo: bool
    concurrency: int
    spacing_s: float
    wall_s: float | None
    notes: tuple[str, ...]
    permission: Permission
    sends_to: Mapping[str, str]
    holds: Mapping[str, str]
    min_free_mib: int
    priority: int
    into: str | None = None
    left: tuple[str, ...] = ()
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: tuple[PoolRule, ...] = ()
    limited: Mapping[str, str] = field(default_factory=dict)
    gated: frozenset[str] = frozenset()
    standing_budgets: tuple[Budget, ...] = ()


async def prepare(home: str, wanted: Wanted) -> Prepared:
    """Resolve what was asked for, without changing anything.

    Raises SwarmError of many kinds: everything that can be wrong is found here.
    """
    standing = _standing(home, wanted)
    among = standing.tasks if standing else {}
    proposal = standing.proposal if standing else None
    plan, folder, name, left = read_plan(wanted, among=among, proposal=proposal)
    known = known_at(wanted.cwd)
    manifest = known.manifest
    path = os.environ.get("PATH", os.defpath)
    plan, chosen = await _with_worker(plan, manifest, home=home, path=path)
    profiles = {plan.profile_of(task) or "" for task in plan.tasks}
    ready = await look_for_all(
        [known.profile(profile) for profile in profiles], home=home, path=path
    )
    models, told = await _models(home, plan, ready)
    permission = wanted.permission or plan.permission
    places = Places(folder, wanted.cwd)
    standard = manifest.limits
    tasks = tuple(
        resolve_task(plan, task, ready, places, permission, models, standard)
        for task in plan.order()
    )
    pools = manifest.pool_rules()
    tasks, limited = await with_pools(tasks, ready, pools, os.environ)
    repo, base, seen = await _repository(plan, folder, wanted, standing, tasks)
    notes = [
        *_left_notes(left, among, wanted.into or ""),
        *chosen,
        *told,
        *(each.warning for each in ready.values() if each.warning),
        *known.notes,
        *seen,
    ]
    limits = plan.limits
    gated = await gated_profiles(tasks, os.environ)
    budgets = manifest.budgets.standing()
    notes += unseen_by_pools(tasks, budgets, gated)
    notes += unpriced_models(tasks, (*budgets, *plan.budgets("")), gated)
    return Prepared(
        name=plan.name or name,
        plan=plan,
        tasks=tasks,
        repo=repo,
        base=base,
        wants_new_repo=plan.repo == NEW_REPOSITORY,
        concurrency=standing.concurrency
        if standing
        else wanted.concurrency or limits.concurrency or standard.concurrency,
        spacing_s=standard.spacing_s if limits.spacing_s is None else limits.spacing_s,
        wall_s=limits.wall_s,
        notes=tuple(notes),
        permission=permission,
        sends_to={name: each.profile.sends_to for name, each in sorted(ready.items())},
        holds=_holds_of(ready, permission),
        into=wanted.into,
        priority=plan.priority if wanted.priority is None else wanted.priority,
        min_free_mib=standard.min_free_mib,
        left=left,
        models=_models_of(plan, ready, models),
        pools=pools,
        limited=limited,
        gated=gated,
        standing_budgets=budgets,
    )


async def _repository(
    plan: Plan,
    folder: Path,
    wanted: Wanted,
    standing: Standing | None,
    tasks: Sequence[Task],
) -> tuple[Repository | None, str | None, list[str]]:
    """Return where tasks begin and what they will not see; None where none is needed.

    A new repository is made when the run has a name.
    """
    if plan.repo == NEW_REPOSITORY or not _needs_repository(tasks):
        return None, None, []
    root, revision = _beginning(plan, folder, wanted, standing)
    repo = await open_repository(root)
    base = await resolve_commit(repo, revision)
    for task in tasks:
        check_copies(repo.root, task.workspace.copy)
    return repo, base, _survey_notes(await survey(repo, base), tasks)


def _holds_of(ready: Mapping[str, Ready], permission: Permission) -> dict[str, str]:
    """Return what holds each worker to a permission, where that is said."""
    return {
        name: hold.holds
        for name, each in sorted(ready.items())
        if (hold := each.profile.permissions.get(permission)) is not None
    }


def _models_of(
    plan: Plan, ready: Mapping[str, Ready], chosen: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the models that tasks ask for, by the profiles that take one."""
    asked: dict[str, set[str]] = {
        name: set() for name, each in sorted(ready.items()) if each.profile.takes_model
    }
    for task in plan.tasks:
        profile = plan.profile_of(task) or ""
        model = plan.effective(task).model or chosen.get(profile)
        if profile in asked and model:
            asked[profile].add(model)
    return {name: tuple(sorted(models)) for name, models in asked.items()}


def _left_notes(left: Sequence[str], among: Mapping[str, bool], run: str) -> list[str]:
    """Say what was not added, as the run has it already."""
    if not left:
        return []
    what = "1 task was" if len(left) == 1 else f"{len(left):,} tasks were"
    told = f"{what} in {run} already and left as they are."
    unwell = sum(not among[name] for name in left)
    retry = f" `retry {run}` does again the {unwell:,} that did not succeed."
    return [told + (retry if unwell else "")]


def _standing(home: str, wanted: Wanted) -> Standing | None:
    """Look up the run that is added to, if it is one."""
    if wanted.into is None:
        if wanted.only_new or wanted.proposed:
            raise UsageError(
                "`only_new` and `proposed` are for a run that `into` names."
            )
        return None
    if wanted.concurrency is not None:
        raise UsageError("`concurrency` belongs to the run, which has its own.")
    return find_standing(home, wanted.into)


def _beginning(
    plan: Plan, folder: Path, wanted: Wanted, standing: Standing | None
) -> tuple[Path, str]:
    """Return the repository and the commit from which tasks begin."""
    if standing is not None:
        return standing.beginning()
    root = (folder / plan.repo) if plan.repo else wanted.cwd
    return root, plan.base or "HEAD"


async def _with_worker(
    plan: Plan, manifest: Manifest, *, home: str, path: str
) -> tuple[Plan, list[str]]:
    """Choose a worker for tasks that name none, and say which."""
    if all(plan.profile_of(task) for task in plan.tasks):
        return plan, []
    ready = await first_ready(manifest, home=home, path=path)
    name = ready.profile.name
    order = ", ".join(manifest.preferred)
    defaults = plan.defaults.model_copy(update={"profile": name})
    note = f"No worker was named: {name} is the first of {order} that is ready here."
    return plan.model_copy(update={"defaults": defaults}), [note]


async def _models(
    home: str, plan: Plan, ready: Mapping[str, Ready]
) -> tuple[dict[str, str], list[str]]:
    """Choose models for profiles whose tasks name none, and say which."""
    models: dict[str, str] = {}
    notes: list[str] = []
    open_to = {
        plan.profile_of(task) or ""
        for task in plan.tasks
        if plan.effective(task).model is None
    }
    for name in sorted(open_to):
        choice = await choose_model(home, ready[name].profile, os.environ)
        if choice.model is not None:
            models[name] = choice.model
        if choice.note:
            notes.append(choice.note)
    return models, notes


def _needs_repository(tasks: Sequence[Task]) -> bool:
    modes = {task.workspace.mode for task in tasks}
    return bool(modes & {WorkspaceMode.WORKTREE, WorkspaceMode.SHARED})


def _survey_notes(seen: Survey, tasks: Sequence[Task]) -> list[str]:
    """Say what of the user's checkout the workers will not see."""
    notes = []
    if seen.uncommitted:
        count = seen.uncommitted
        what = "1 uncommitted change" if count == 1 else f"{count} uncommitted changes"
        notes.append(
            f"Not in the workers' copies: {what} in your checkout; commit first if "
            "workers need that."
        )
    if seen.submodules:
        notes.append(f"Submodules stay empty: {', '.join(seen.submodules[:5])}.")
    if seen.uses_lfs:
        notes.append("Files kept by LFS are pointers in the workers' copies.")
    copied = {item for task in tasks for item in task.workspace.copy}
    ignored = [path for path in seen.ignored if path.rstrip("/") not in copied]
    if ignored:
        notes.append(
            f"Ignored files are not copied: {', '.join(ignored[:5])}"
            f"{' …' if len(ignored) > 5 else ''} (workspace.copy brings some)."  # noqa: PLR2004 as shown
        )
    return notes
