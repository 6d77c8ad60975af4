"""From a task as written to a task that can be started on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.actions.ready import Ready, require
from kimi_swarm.config import StandardLimits
from kimi_swarm.core.plan import Plan, PlanError
from kimi_swarm.core.plan_parts import RANKED, PlanTask, Role, Sees, WorkspaceSpec
from kimi_swarm.core.repair import schema_line
from kimi_swarm.core.task import Permission, Task, WorkspaceMode
from kimi_swarm.core.written import Problem
from kimi_swarm.process.machine import cpus, memory_bytes
from kimi_swarm.process.programs import FoundProgram, find_program
from kimi_swarm.prompts import render_role
from kimi_swarm.strict_yaml import read_text
from kimi_swarm.workers.capacity import capacity, weight_of
from kimi_swarm.workers.plain import clip
from kimi_swarm.workers.recipe import make_recipe

TITLE_CHARS = 100


class Places(NamedTuple):
    """Where a plan's files may lie: beside the plan, or where it is run."""

    plan: Path
    cwd: Path


def resolve_task(
    plan: Plan,
    name: str,
    ready: Mapping[str, Ready],
    places: Places,
    permission: Permission,
    models: Mapping[str, str],
    standard: StandardLimits,
) -> Task:
    """Resolve one task of a plan; `ready` holds its profile as found on this machine.

    `models` holds, by profile, the model of tasks that name none; `standard` is for
    limits that neither the plan nor the profile says.

    Raises PlanError, PlanFileError, ProfileError, ProgramMissingError.
    """
    written = plan.effective(name)
    worker = ready[written.profile or ""]
    profile = worker.profile
    found = _find(worker, written)
    recipe = make_recipe(
        profile,
        program_argv=found.argv,
        extra_path=found.extra_path,
        model=written.model or models.get(profile.name),
        argv=written.argv,
        permission=permission,
    )
    most = capacity(profile, cpus(), memory_bytes())
    words = _words(name, written, places)
    return Task(
        name=name,
        prompt=_prompt(name, written, words),
        recipe=replace(recipe, max_parallel=most, **weight_of(profile)._asdict()),
        title=_title(written.title or words),
        label=clip(written.title or "", TITLE_CHARS),
        needs=written.needs,
        when=written.when,
        hears_needs=written.argv is None and written.role is not Role.NONE,
        sees_changes=written.sees is Sees.CHANGES,
        judges=written.judges or (),
        rank=int(written.role in RANKED),
        workspace=(written.workspace or WorkspaceSpec()).need(),
        expect=written.expected(by_profile=profile.expect),
        check=written.check,
        time_limit_s=written.timeout_s or standard.timeout_s,
        queue_s=written.queue_s,
        first_output_s=_bound(written.first_output_s, profile.first_output_s),
        silence_s=_bound(written.silence_s, profile.silence_s),
        retries=standard.retries if written.retries is None else written.retries,
        retry_delay_s=standard.retry_delay_s
        if written.retry_delay_s is None
        else written.retry_delay_s,
        result=written.result,
    )


def _bound(written_s: float | None, by_profile_s: float | None) -> float | None:
    """Return a bound as written, else the profile's; 0 stands for none at all."""
    return (by_profile_s if written_s is None else written_s) or None


def _find(ready: Ready, written: PlanTask) -> FoundProgram:
    if written.argv is None:
        return require(ready)
    path = os.environ.get("PATH", os.defpath)
    return find_program(written.argv[0], path=path)


def _words(name: str, written: PlanTask, places: Places) -> str:
    """Return what the person wrote: the prompt, or the command line."""
    if written.argv is not None:
        return " ".join(written.argv)
    if written.prompt is not None:
        return written.prompt
    return read_text(_inside(name, written.prompt_file or "", places))


def _prompt(name: str, written: PlanTask, words: str) -> str:
    if written.argv is not None:
        return ""
    mode = written.workspace.mode if written.workspace else WorkspaceMode.WORKTREE
    return render_role(
        written.role,
        task=name,
        prompt=words,
        needs=written.needs,
        mode=mode,
        check=written.check,
        result=None if written.result is None else schema_line(written.result),
    )


def _inside(name: str, prompt_file: str, places: Places) -> Path:
    """Return a prompt file's path; it must lie beside the plan or where it is run."""
    path = (places.plan / prompt_file).resolve()
    if not any(path.is_relative_to(root.resolve()) for root in places):
        raise PlanError(
            prompt_file,
            [Problem(f"tasks.{name}.prompt_file", "leads out of the plan's folder")],
        )
    return path


def _title(words: str) -> str:
    """Return the first line, and a sign where there is more."""
    first, _, rest = words.strip().partition("\n")
    return clip(f"{first.rstrip()} …" if rest else first, TITLE_CHARS)
