"""What the outside may ask to begin: spawn, and plan, which only shows it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from kimi_swarm.calls.asked import WHOLE, Amount, Call
from kimi_swarm.core.task import Permission, WorkspaceMode
from kimi_swarm.core.written import Line, shown

PLAN_FORMS = "must be a plan file's name, or the plan as an object"


def _plan_form(given: object) -> object:
    """Refuse what is neither: a plan's text is often taken for the plan."""
    text = given.strip() if isinstance(given, str) else ""
    if "\n" in text or (text[:1], text[-1:]) == ("{", "}"):
        raise ValueError(f"{PLAN_FORMS}, not its text")
    if given is not None and not isinstance(given, str | dict):
        raise ValueError(f"{PLAN_FORMS}, not {shown(given)}")
    return given


class Source(Call):
    """What to run: a plan, or a strategy with its parameters, or tasks in words."""

    plan: Annotated[
        Line | dict[str, JsonValue] | None,
        BeforeValidator(_plan_form),
        Field(description="A plan file (YAML), or the plan itself."),
    ] = None
    strategy: Annotated[
        Line | None, Field(description="A strategy that writes the plan.")
    ] = None
    set: Annotated[
        dict[str, JsonValue] | None,
        Field(description="The strategy's parameters by name; @FILE reads a file."),
    ] = None
    task: Annotated[
        tuple[str, ...],
        Field(strict=False, description="Tasks in words, a worker for each."),
    ] = ()
    task_file: Annotated[
        tuple[Line, ...],
        Field(
            strict=False,
            description="Tasks in words, each from a file whose name it gets.",
        ),
    ] = ()
    profile: Annotated[Line | None, Field(description="The worker for all tasks.")] = (
        None
    )
    priority: Annotated[
        Annotated[int, Field(ge=-10, le=10), WHOLE] | None,
        Field(description="Runs of a higher one go first."),
    ] = None
    permission: Annotated[
        Permission | None, Field(strict=False, description="What workers may do.")
    ] = None
    workspace: Annotated[
        WorkspaceMode | None,
        Field(strict=False, description="Where tasks in words work."),
    ] = None
    concurrency: Annotated[
        Amount | None, Field(description="How many workers at once.")
    ] = None
    into: Annotated[
        Line | None, Field(description="Add the tasks to this run, live or over.")
    ] = None
    only_new: Annotated[
        bool, Field(description="With into: leave out tasks that the run has.")
    ] = False
    proposed: Annotated[
        bool, Field(description="With into: what a planner of that run proposes.")
    ] = False
    cwd: Annotated[
        Line | None,
        Field(description="Absolute folder where this is asked: paths begin there."),
    ] = None


class SpawnCall(Source):
    """Start a plan's workers in the background and return at once."""

    asker: Annotated[
        str | None, Field(description="Whose run this is, to list, poll and kill.")
    ] = None
    notify: Annotated[
        str | None, Field(description="The host's session that is told of the end.")
    ] = None


class PlanCall(SpawnCall):
    """Show what spawn would start, for whom and within which limits; starts nothing."""

    list: Annotated[
        bool, Field(description="Tell the strategies there are instead.")
    ] = False
    yaml: Annotated[bool, Field(description="Show the plan as YAML.")] = False
