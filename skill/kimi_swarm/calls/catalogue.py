"""Every action that may be asked for, by name; and making a call of plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from kimi_swarm.calls import asked, asked_start
from kimi_swarm.calls.asked import Call
from kimi_swarm.core.written import Problem, closest, one_sentence, problems_in, quoted
from kimi_swarm.errors import SwarmError, UsageError

CALLS: dict[str, type[Call]] = {
    "plan": asked_start.PlanCall,
    "spawn": asked_start.SpawnCall,
    "list": asked.ListCall,
    "poll": asked.PollCall,
    "wait": asked.WaitCall,
    "log": asked.LogCall,
    "diff": asked.DiffCall,
    "aggregate": asked.AggregateCall,
    "send": asked.SendCall,
    "retry": asked.RetryCall,
    "pause": asked.PauseCall,
    "resume": asked.ResumeCall,
    "kill": asked.KillCall,
    "clear": asked.ClearCall,
    "stats": asked.StatsCall,
    "doctor": asked.DoctorCall,
}

IDS = ("run", "id", "session")
"""Fields that hold the id of a run or session: which of them differs by action."""
SHOWN_FAULTS = 3


class UnknownActionError(SwarmError):
    """Raised when there is no action of that name."""

    code = "unknown_action"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no action {quoted(name)}{closest(name, CALLS) or '.'}",
            remedy=f"The actions are: {', '.join(CALLS)}.",
        )


class CallError(UsageError):
    """Raised when what an action is asked with is not what it takes."""

    def __init__(self, name: str, sentence: str) -> None:
        known = ", ".join(CALLS[name].model_fields)
        end = "" if sentence.endswith(("?", ".")) else "."
        super().__init__(f"{sentence}{end}", remedy=f"`{name}` takes: {known}.")


def call_of(name: str, fields: Mapping[str, Any]) -> Call:
    """Make a call of plain data. Raises UnknownActionError, CallError."""
    if name not in CALLS:
        raise UnknownActionError(name)
    model = CALLS[name]
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        problems = problems_in(error, model, data=fields, alike=IDS)
        raise CallError(name, _sentence(name, problems)) from None


def _sentence(name: str, problems: Sequence[Problem]) -> str:
    """Tell what is wrong with a call: who cannot see the next fault asks in vain."""
    sentence = one_sentence(name, problems[:1])
    for path, told in problems[1:SHOWN_FAULTS]:
        joint = " And" if sentence.endswith("?") else ", and"
        sentence += f"{joint} {path}: {told}" if path else f"{joint} {told}"
    more = len(problems) - SHOWN_FAULTS
    return f"{sentence} (and {more} more)" if more > 0 else sentence


def summary_of(name: str) -> str:
    """Say in one sentence what an action does. Raises UnknownActionError."""
    if name not in CALLS:
        raise UnknownActionError(name)
    return (CALLS[name].__doc__ or "").partition("\n")[0]


def name_of(call: Call) -> str:
    """Return the name of the action that a call asks for."""
    return next(name for name, model in CALLS.items() if type(call) is model)
