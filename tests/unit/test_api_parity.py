"""From Python the same may be asked for as the models know, and reaches its field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from kimi_swarm import Run, Session, Swarm, SwarmError
from kimi_swarm.api.start import May, Where
from kimi_swarm.calls.catalogue import CALLS
from kimi_swarm.calls.told import SessionTold
from kimi_swarm.core.answers import TableFormat
from kimi_swarm.core.task import Permission, WorkspaceMode
from kimi_swarm.core.usage_sums import By

pytestmark = pytest.mark.anyio

Method = Callable[..., Any]
METHODS: dict[str, tuple[Method, ...]] = {
    "plan": (Swarm.plan, Swarm.strategies),
    "spawn": (Swarm.spawn,),
    "list": (Swarm.list, Run.look),
    "poll": (Swarm.inbox,),
    "wait": (Run.wait,),
    "log": (Session.log,),
    "diff": (Session.diff,),
    "aggregate": (Run.aggregate, Run.judge, Run.vote, Run.table, Run.synthesise),
    "send": (Session.send,),
    "retry": (Run.retry, Session.retry),
    "pause": (Run.pause,),
    "resume": (Run.resume, Session.resume),
    "kill": (Swarm.kill_all, Run.kill, Session.kill),
    "clear": (Run.clear, Swarm.clear_old),
    "stats": (Swarm.stats,),
    "doctor": (Swarm.doctor, Swarm.mend),
}
# Fields that are named otherwise, where their own name would say less in Python.
RENAMED = {
    "tasks": "task",
    "task_files": "task_file",
    "parameters": "set",
    "any_session": "any",
    "form": "table",
    "question": "synthesise",
}
# Fields that no argument is for, as the object or the name of a method says them.
SAID = {
    "asker": "of the Swarm",
    "cwd": "of the Swarm",
    ("list", "run"): "of the Run",
    ("wait", "run"): "of the Run",
    ("aggregate", "run"): "of the Run",
    ("pause", "run"): "of the Run",
    ("resume", "run"): "of the Run or Session",
    ("clear", "run"): "of the Run",
    ("retry", "id"): "of the Run or Session",
    ("kill", "id"): "of the Run or Session",
    ("log", "session"): "of the Session",
    ("diff", "session"): "of the Session",
    ("send", "session"): "of the Session",
    ("plan", "list"): "Swarm.strategies",
    ("aggregate", "judge"): "Run.judge",
    ("aggregate", "vote"): "Run.vote",
    ("kill", "all"): "Swarm.kill_all",
    ("doctor", "fix"): "Swarm.mend",
}
LEFT_OUT = {
    ("poll", "id"): "events of a run are followed, lines of a session are in its log",
    ("plan", "yaml"): "data comes back, and no text",
    ("send", "file"): "a program reads its own files",
}


def arguments_of(method: Method) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name != "self"]


def fields_of(name: str) -> set[str]:
    gone = {field for action, field in LEFT_OUT if action == name}
    said = {field for field in SAID if isinstance(field, str)}
    said |= {key[1] for key in SAID if isinstance(key, tuple) and key[0] == name}
    return set(CALLS[name].model_fields) - gone - said


@pytest.mark.parametrize("name", CALLS)
def test_every_field_has_its_argument_and_every_argument_its_field(name: str):
    given = {each for method in METHODS[name] for each in arguments_of(method)}
    assert {RENAMED.get(each, each) for each in given} == fields_of(name)


def test_what_has_no_argument_is_a_field_all_the_same():
    for name, field in (*LEFT_OUT, *(key for key in SAID if isinstance(key, tuple))):
        assert field in CALLS[name].model_fields


def test_words_that_may_be_given_are_those_that_are_known():
    by = get_type_hints(Swarm.stats)["by"]
    form = get_type_hints(Run.table)["form"]
    assert get_args(May) == tuple(Permission)
    assert get_args(Where) == tuple(WorkspaceMode)
    assert get_args(get_args(by)[0]) == tuple(By)
    assert get_args(form) == tuple(TableFormat)


IDS: dict[str, Any] = {"id": "calm-river/a", "run": "calm-river"}
SOURCES = {"plan", "tasks", "task_files", "strategy", "proposed"}
NEEDED = {
    "Swarm.spawn": {"strategy": "map"},
    "Swarm.plan": {"strategy": "map"},
    "Swarm.clear_old": {"older_than": "7d"},
    "Session.send": {"message": "x"},
}
EACH = [
    pytest.param(name, method, argument, id=f"{method.__qualname__}-{argument}")
    for name, methods in METHODS.items()
    for method in methods
    for argument in arguments_of(method)
]


@pytest.mark.parametrize(("name", "method", "argument"), EACH)
async def test_what_is_wrong_with_an_argument_is_said_of_its_field(
    name: str, method: Method, argument: str, tmp_path: Path
):
    fields = {**NEEDED.get(method.__qualname__, {}), argument: object()}
    if argument in SOURCES:
        fields = {argument: object()}
    async with Swarm(tmp_path) as swarm:
        told = SessionTold.model_construct(**IDS)
        run = swarm.run("calm-river")
        owner = {"Swarm": swarm, "Run": run, "Session": Session(run._door, told)}
        mine = owner[method.__qualname__.partition(".")[0]]
        with pytest.raises(SwarmError) as refused:
            await method(mine, **fields)
    own = f"`{argument}` must be"  # a single text would be taken for its letters
    field = RENAMED.get(argument, argument)
    assert str(refused.value).startswith((f"{name}: {field}: must be", own))
    assert list(tmp_path.iterdir()) == []
