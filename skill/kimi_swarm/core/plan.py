"""A plan as people write it: tasks, and what each of them needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from kimi_swarm.core.budget import Budget
from kimi_swarm.core.names import COMMAND
from kimi_swarm.core.needs import need_problems, order_of
from kimi_swarm.core.plan_parts import (
    UNTRACKED,
    Defaults,
    Limits,
    May,
    MergeCheck,
    Name,
    PlanTask,
    Revision,
    WorkspaceSpec,
)
from kimi_swarm.core.task import Expect, Permission
from kimi_swarm.core.written import (
    Line,
    Problem,
    Written,
    one_sentence,
    problems_in,
    quoted,
)
from kimi_swarm.errors import SwarmError

NEW_REPOSITORY = "new"
MAX_TASKS = 5_000
# Numbers that a task takes from the defaults unless it says one itself, be it 0.
INHERITED = (
    *("timeout_s", "queue_s", "first_output_s", "silence_s"),
    *("retries", "retry_delay_s"),
)


class PlanError(SwarmError):
    """Raised when a plan cannot be run as it is written; nothing was started."""

    code = "plan"

    def __init__(self, origin: str, problems: list[Problem]) -> None:
        super().__init__(
            one_sentence(origin, problems),
            remedy="Correct the plan and try again; nothing was started.",
        )
        self.problems = tuple(problems)


class Plan(Written):
    """Tasks and what each needs. A `repo` of `new` asks for one of the run's own."""

    name: Annotated[Line, Field(max_length=80)] | None = None
    repo: Line | None = None
    base: Revision | None = None
    permission: May = Permission.EDIT
    priority: Annotated[int, Field(ge=-10, le=10)] = 0
    defaults: Defaults = Defaults()
    limits: Limits = Limits()
    merge_check: MergeCheck | None = None
    tasks: Annotated[dict[Name, PlanTask], Field(min_length=1, max_length=MAX_TASKS)]

    def order(self) -> tuple[str, ...]:
        """Return the task names, needs before what needs them, else as written."""
        return order_of(
            {
                # What it adds to a run may need tasks that are there already.
                name: tuple(need for need in task.needs if need in self.tasks)
                for name, task in self.tasks.items()
            }
        )

    def profile_of(self, name: str) -> str | None:
        """Return the profile a task asks for; a task with `argv` is a `command`."""
        task = self.tasks[name]
        implied = COMMAND if task.argv is not None else self.defaults.profile
        return task.profile or implied

    def effective(self, name: str) -> PlanTask:
        """Return one task with the defaults filled in.

        The default model goes only to tasks that take the default profile: a model's
        name means nothing to another kind of worker. Left None may be the profile and
        every limit.
        """
        task, base = self.tasks[name], self.defaults
        takes_default = task.profile in (None, base.profile) and task.argv is None
        return task.model_copy(
            update={
                "profile": self.profile_of(name),
                "model": task.model or (base.model if takes_default else None),
                "workspace": task.workspace or base.workspace or WorkspaceSpec(),
                "check": task.check or base.check,
                "expect": task.expect or base.expect,
                "result": base.result if task.result is None else task.result,
                **{name: _first(task, base, name) for name in INHERITED},
            }
        )

    def with_profile(self, name: str) -> Plan:
        """Return the plan done by another kind of worker, `command` tasks kept.

        Models named for the old workers are dropped. Raises PlanError when `name` is
        `command`, which takes no prompts.
        """
        change = {"profile": name, "model": None}
        tasks = {
            key: task
            if self.profile_of(key) == COMMAND
            else task.model_copy(update={"profile": None, "model": None})
            for key, task in self.tasks.items()
        }
        defaults = self.defaults.model_copy(update=change)
        plan = self.model_copy(update={"defaults": defaults, "tasks": tasks})
        if problems := list(_task_problems(plan)):
            raise PlanError(f"profile {name}", problems)
        return plan

    def without(self, names: Collection[str]) -> Plan:
        """Return the plan without some tasks; others may go on needing them."""
        kept = {name: task for name, task in self.tasks.items() if name not in names}
        return self.model_copy(update={"tasks": kept})

    def budgets(self, run: str) -> tuple[Budget, ...]:
        """Return what the run and its tasks may use, as budgets of a run of that id."""
        own = self.limits.budgets(f"run/{run}", self.limits.at_limit)
        of_tasks = (
            budget
            for name, task in self.tasks.items()
            for budget in task.limits.budgets(
                f"task/{run}/{name}", self.limits.at_limit
            )
        )
        return (*own, *of_tasks)


def _first(task: PlanTask, base: Defaults, name: str) -> object:
    own = getattr(task, name)
    return getattr(base, name) if own is None else own


def parse_plan(
    data: object,
    *,
    origin: str,
    among: Collection[str] = (),
    only_new: bool = False,
) -> Plan:
    """Turn plain data (from YAML or JSON) into a plan that can be run.

    `origin` is what to call the source in a refusal; `among` are names of tasks that
    there are already, where it adds to a run: these may be needed too, and what belongs
    to the run as a whole is refused, and so are their names unless `only_new` tasks are
    wanted of it. Raises PlanError.
    """
    if data is None:
        raise PlanError(origin, [Problem("", "the plan is empty")])
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        raise PlanError(origin, problems_in(error, Plan, data=data)) from None
    own = {name: task.needs for name, task in plan.tasks.items()}
    needs = {**dict.fromkeys(among, ()), **own}
    if problems := [
        *_plan_problems(plan),
        *(_addition_problems(plan, among, only_new=only_new) if among else ()),
        *_task_problems(plan),
        *need_problems(needs),
    ]:
        raise PlanError(origin, problems)
    return plan


def _plan_problems(plan: Plan) -> Iterator[Problem]:
    if plan.repo == NEW_REPOSITORY and plan.base is not None:
        yield Problem("base", "a new repository has no commit to start from; drop it")


def _addition_problems(
    plan: Plan, among: Collection[str], *, only_new: bool
) -> Iterator[Problem]:
    for field in sorted(
        plan.model_fields_set & {"repo", "base", "limits", "priority", "merge_check"}
    ):
        yield Problem(field, "belongs to the run, which has its own; drop it")
    for name in plan.tasks:
        if name in among and not only_new:
            yield Problem(f"tasks.{name}", "the run has a task of that name already")


def _task_problems(plan: Plan) -> Iterator[Problem]:
    for name, task in plan.tasks.items():
        path, profile = f"tasks.{name}", plan.profile_of(name)
        sources = [task.prompt, task.prompt_file, task.argv]
        if len([source for source in sources if source is not None]) != 1:
            yield Problem(path, "give exactly one of prompt, prompt_file and argv")
        elif task.argv is not None and profile != COMMAND:
            wrong = quoted(profile or "")
            yield Problem(
                f"{path}.argv", f'only profile "command" runs it, not {wrong}'
            )
        elif task.argv is None and profile == COMMAND:
            yield Problem(path, 'profile "command" needs argv, not a prompt')
        yield from _workspace_problems(path, plan.effective(name))
        yield from _condition_problems(plan, name)
        yield from _judge_problems(plan, name)


def _condition_problems(plan: Plan, name: str) -> Iterator[Problem]:
    task = plan.tasks[name]
    for need, wanted in (task.when or {}).items():
        path = f"tasks.{name}.when.{need}"
        if need not in task.needs:
            yield Problem(path, "a condition is on a task that is in its needs")
        elif need in plan.tasks and plan.effective(need).result is None:
            yield Problem(path, f"{quoted(need)} has no result to look at")
        elif not wanted:
            yield Problem(path, "says nothing; give at least one field and its value")
        elif need in plan.tasks:
            yield from _field_problems(path, need, plan.effective(need).result, wanted)


def _field_problems(
    path: str, need: str, schema: Mapping[str, object] | None, wanted: Iterable[str]
) -> Iterator[Problem]:
    """Tell of fields that a need's result never has, going by what its schema names."""
    named = (schema or {}).get("properties")
    if not isinstance(named, Mapping):
        return
    for field in wanted:
        if field not in named:
            known = ", ".join(map(quoted, map(str, named)))
            yield Problem(
                f"{path}.{field}", f"the result of {quoted(need)} names only {known}"
            )


def _judge_problems(plan: Plan, name: str) -> Iterator[Problem]:
    task = plan.tasks[name]
    for place, candidate in enumerate(task.judges or ()):
        path = f"tasks.{name}.judges[{place}]"
        if candidate not in task.needs:
            yield Problem(path, "a candidate is a task that is in its needs")
    if task.judges is not None and len(set(task.judges)) == 1:
        yield Problem(f"tasks.{name}.judges", "are one and the same task")
    if task.judges is not None and task.result is None:
        yield Problem(f"tasks.{name}.judges", "a judge needs a result, to be counted")


def _workspace_problems(path: str, task: PlanTask) -> Iterator[Problem]:
    spec = task.workspace or WorkspaceSpec()
    if spec.mode not in UNTRACKED:
        return
    if spec.copied or spec.setup is not None:
        yield Problem(
            f"{path}.workspace",
            f"copy and setup have no place in mode {spec.mode}; use worktree or fresh",
        )
    if task.expect is Expect.CHANGES:
        yield Problem(
            f"{path}.expect",
            f"nothing is committed in mode {spec.mode}, so changes cannot be expected",
        )
