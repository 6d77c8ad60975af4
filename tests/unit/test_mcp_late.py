"""Answers that were not there in time: told once, and never as if they were new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from fakes.swarm import LIMIT_S
from kimi_swarm.calls.answer import Answer
from kimi_swarm.calls.catalogue import call_of
from kimi_swarm.mcp.asked import Asked
from kimi_swarm.mcp.late import LateWork

pytestmark = pytest.mark.anyio
RUN = "calm-river"
MERGE = {"run": RUN, "merge": True}
TASK = {"task": ["Write a poem"]}


class Caller:
    """Who makes calls and waits for few; each that is done counts how many were."""

    def __init__(self, late: LateWork) -> None:
        self._late = late
        self._gates: list[anyio.Event] = []

    async def call(
        self, name: str, fields: dict[str, Any], *, limit_s: float = 0
    ) -> str | None:
        """Return what a call tells in time; None if it is still being done."""
        asked = Asked(name, call_of(name, fields))
        work = await self._late.ended(asked, self._do, limit_s=limit_s)
        if work is None:
            return None
        return f"{work.told().as_text()}. {work.note()}"

    async def finish(self) -> None:
        """Let all come to its end that was begun."""
        await anyio.wait_all_tasks_blocked()
        for gate in self._gates:
            gate.set()
        await anyio.wait_all_tasks_blocked()

    async def _do(self) -> Answer:
        self._gates.append(gate := anyio.Event())
        which = len(self._gates)
        await gate.wait()
        return Answer(dict, lambda: f"Number {which}")


@asynccontextmanager
async def caller() -> AsyncIterator[Caller]:
    async with anyio.create_task_group() as group:
        yield Caller(LateWork(group))
        group.cancel_scope.cancel()


async def done_late(one: Caller, name: str, fields: dict[str, Any]) -> None:
    """Make a call that is not done in time, and let it be done then."""
    assert await one.call(name, fields) is None
    await one.finish()


@pytest.mark.parametrize(
    ("name", "fields"), [("aggregate", MERGE), ("spawn", TASK)], ids=str
)
async def test_a_late_answer_is_told_once_and_says_that_it_is_of_an_earlier_call(
    name: str, fields: dict[str, Any]
):
    async with caller() as one:
        await done_late(one, name, fields)
        told = await one.call(name, fields)
        again = await one.call(name, fields)

    assert told is not None
    assert told.startswith("Number 1. This came of the same call made 0.0s ago. ")
    assert told.endswith(f"It was not made anew: for that, call {name} once more.")
    assert again is None, "it is done anew"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("retry", {"id": RUN}),
        ("send", {"session": f"{RUN}/a", "message": "Go on"}),
        ("spawn", {**TASK, "into": RUN}),
        ("resume", {"run": RUN}),
        ("clear", {"run": ["brave-owl", RUN]}),
        ("clear", {"older_than": "7d"}),
        ("kill", {"all": True}),
        ("aggregate", {"run": RUN, "apply": True}),
        ("doctor", {"fix": True}),
    ],
    ids=str,
)
async def test_what_changes_its_run_makes_a_kept_answer_out_of_date(
    name: str, fields: dict[str, Any]
):
    async with caller() as one:
        await done_late(one, "aggregate", MERGE)
        await one.call(name, fields)
        assert await one.call("aggregate", MERGE) is None, "it is done anew"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("retry", {"id": "brave-owl"}),
        ("spawn", TASK),
        ("list", {"run": RUN}),
        ("aggregate", {"run": RUN}),
        ("clear", {"run": [RUN], "dry_run": True}),
        ("doctor", {}),
    ],
    ids=str,
)
async def test_what_leaves_its_run_as_it_is_leaves_a_kept_answer(
    name: str, fields: dict[str, Any]
):
    async with caller() as one:
        await done_late(one, "aggregate", MERGE)
        await one.call(name, fields)
        told = await one.call("aggregate", MERGE)
    assert (told or "").startswith("Number 1. This came of the same call")


async def test_what_started_workers_is_told_and_not_done_twice_whatever_came_between():
    retry = {"id": RUN}
    async with caller() as one:
        await done_late(one, "retry", retry)
        await one.call("kill", {"id": RUN})
        told = await one.call("retry", retry)
    assert told is not None
    assert told.startswith("Number 1. This came of the same call made ")
    assert " ago, before kill. " in told


async def test_work_still_being_done_is_joined_and_names_what_came_between():
    async with caller() as one:
        assert await one.call("aggregate", MERGE) is None
        await one.call("retry", {"id": RUN})
        told: list[str | None] = []

        async def hear() -> None:
            told.append(await one.call("aggregate", MERGE, limit_s=LIMIT_S))

        async with anyio.create_task_group() as group:
            group.start_soon(hear)
            await one.finish()
    (text,) = told
    assert (text or "").startswith("Number 1.")
    assert " ago, before retry. " in (text or "")


async def test_of_two_that_are_late_each_is_told():
    async with caller() as one:
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(one.call, "spawn", TASK)
        await one.finish()
        both = [await one.call("spawn", TASK) for _ in range(2)]
    assert sorted((told or "")[:9] for told in both) == ["Number 1.", "Number 2."]
