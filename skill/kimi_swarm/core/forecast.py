"""What a plan will probably take, from what sessions took before; nothing invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from kimi_swarm.core.needs import order_of
from kimi_swarm.core.task import Task

_FEWEST_AT_ONCE = 2
_Number = TypeVar("_Number", int, float)


class Past(NamedTuple):
    """What sessions of one profile took that succeeded: how many, and their medians.

    Money and tokens are None where none of them told.
    """

    sessions: int
    seconds: float
    usd: float | None = None
    tokens: int | None = None


class Forecast(NamedTuple):
    """What is expected of a plan; None where it is not known.

    `longest` counts the tasks of the longest chain of needs, `unknown` names the
    profiles without a past, `sessions` says how many earlier ones it rests on. `advice`
    says where parallel work will not pay.
    """

    seconds: float | None
    usd: float | None
    tokens: int | None
    longest: int
    sessions: int
    unknown: tuple[str, ...]
    advice: tuple[str, ...]


def forecast(
    tasks: Sequence[Task], past: Mapping[str, Past], *, concurrency: int
) -> Forecast:
    """Reckon with the longest chain of needs, and with how many work at once."""
    at_once = _at_once(tasks, concurrency)
    used = {task.recipe.profile for task in tasks}
    known = {name: past[name] for name in used if name in past}
    longest = round(_longest(tasks, dict.fromkeys(used, 1.0)))
    return Forecast(
        seconds=_seconds(tasks, past, at_once) if known.keys() == used else None,
        usd=_sum([_of(past, task).usd for task in tasks]),
        tokens=_sum([_of(past, task).tokens for task in tasks]),
        longest=longest,
        sessions=sum(each.sessions for each in known.values()),
        unknown=tuple(sorted(used - known.keys())),
        advice=tuple(_advice(len(tasks), longest, at_once)),
    )


def _of(past: Mapping[str, Past], task: Task) -> Past:
    return past.get(task.recipe.profile, Past(0, 0.0))


def _at_once(tasks: Sequence[Task], concurrency: int) -> int:
    """Return how many may work at a time: the run's bound, or its workers'."""
    bounds = {task.recipe.profile: task.recipe.max_parallel for task in tasks}
    own = sum(each or concurrency for each in bounds.values())
    return max(1, min(concurrency, own or concurrency))


def _seconds(tasks: Sequence[Task], past: Mapping[str, Past], at_once: int) -> float:
    """Return the longest chain, or all the work shared out if that takes longer."""
    each_s = {name: one.seconds for name, one in past.items()}
    work_s = sum(each_s[task.recipe.profile] for task in tasks)
    return max(_longest(tasks, each_s), work_s / at_once)


def _longest(tasks: Sequence[Task], costs: Mapping[str, float]) -> float:
    by_name = {task.name: task for task in tasks}
    needs = {
        name: tuple(need for need in task.needs if need in by_name)
        for name, task in by_name.items()
    }
    until: dict[str, float] = {}
    for name in order_of(needs):
        before = max((until[need] for need in needs[name]), default=0.0)
        until[name] = before + costs[by_name[name].recipe.profile]
    return max(until.values(), default=0.0)


def _sum(each: Sequence[_Number | None]) -> _Number | None:
    known = [one for one in each if one is not None]
    return sum(known) if each and len(known) == len(each) else None


def _advice(count: int, longest: int, at_once: int) -> list[str]:
    if count == 0:
        return []
    if count == 1:
        return ["it is a single task, which one worker does as well without a plan."]
    if longest == count:
        return ["each task needs the one before; one worker in one go may do as well."]
    if at_once == 1:
        return ["only one may work at a time; a higher concurrency would gain time."]
    if count < _FEWEST_AT_ONCE * longest:
        follow = f"{longest} of its {count} tasks must follow each other"
        return [f"{follow}, so that fewer than two work at a time."]
    return []
