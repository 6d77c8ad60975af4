"""Waiting by MCP: bounded, with progress, and ended by whoever gives up."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, ClientSession, types

from fakes.mcp_client import Lines, connected, text_of
from fakes.swarm import LIMIT_S, Swarm, is_live, until
from kimi_swarm.mcp.desk import Desk
from kimi_swarm.mcp.server import server_of
from kimi_swarm.mcp.tools import LONGEST_S

pytestmark = pytest.mark.anyio
NONE = {"workspace": "none"}
CLIENTS_LIMIT_S = 60.0


def gated(gate: Path) -> dict[str, Any]:
    """Return a task that ends once its gate is open."""
    script = f"until [ -e {gate} ]; do sleep 0.02; done"
    return {"argv": ["sh", "-c", script], **NONE}


@pytest.fixture
def run(swarm: Swarm) -> str:
    """A run of two tasks that end when `gate-a` and `gate-b` are there."""
    names = ("a", "b")
    return swarm.spawn({name: gated(swarm.folder / f"gate-{name}") for name in names})


def open_gate(swarm: Swarm, name: str) -> None:
    (swarm.folder / f"gate-{name}").touch()


@asynccontextmanager
async def impatient(swarm: Swarm, *, longest_s: float) -> AsyncIterator[Client]:
    """A client of a desk in this process that lets no call take long."""
    desk = Desk(str(swarm.home), longest_s=longest_s)
    async with Client(server_of(desk)) as client:
        yield client


def sockets_of(pid: int) -> int:
    """Count what a process is connected to."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it may be closed meanwhile
            found += str(link.readlink()).startswith("socket:")
    return found


def test_no_call_lasts_as_long_as_clients_wait():
    assert LONGEST_S <= CLIENTS_LIMIT_S - 5


@pytest.mark.parametrize(
    ("name", "field", "fields"),
    [("wait", "run", {}), ("poll", "id", {"timeout_s": 1000})],
)
async def test_a_wait_ends_in_time_says_so_and_is_called_again(
    swarm: Swarm, run: str, name: str, field: str, fields: dict[str, Any]
):
    fields = {field: run, **fields}
    async with impatient(swarm, longest_s=0.2) as client:
        with anyio.fail_after(LIMIT_S):
            if name == "poll":  # what happened before is news
                swarm.until_state(f"{run}/a", "running")
                swarm.until_state(f"{run}/b", "running")
                swarm.call("poll", run)
            read = await client.call_tool(name, fields)

    assert not read.is_error
    assert "till running" in text_of(read)
    assert text_of(read).endswith(f"\nTo go on waiting, call {name} again.")


async def test_a_wait_is_told_of_progress_that_only_grows(swarm: Swarm, run: str):
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))
        open_gate(swarm, "ab"[len(told) - 1])

    async with connected(swarm) as session:
        with anyio.fail_after(LIMIT_S):
            read = await session.call_tool("wait", {"run": run}, progress_callback=hear)

    assert text_of(read).startswith(f"{run}: 2 succeeded.")
    assert [each[:2] for each in told] == [(0, 2), (1, 2)]
    assert (told[1][2] or "").startswith(f"{run}: 1 ")


async def test_a_wait_that_is_cancelled_ends_and_the_run_goes_on(
    swarm: Swarm, run: str
):
    swarm.until_state(f"{run}/a", "running")
    with Lines(swarm) as client:
        pid = client.process.pid
        at_rest = sockets_of(pid)
        asked = client.begin("tools/call", {"name": "wait", "arguments": {"run": run}})
        until(lambda: sockets_of(pid) > at_rest)
        client.send("notifications/cancelled", {"requestId": asked})
        until(lambda: sockets_of(pid) == at_rest)
        after = client.ask("tools/call", {"name": "list", "arguments": {"run": run}})

    assert "2 running" in after["result"]["content"][0]["text"]
    open_gate(swarm, "a")
    open_gate(swarm, "b")
    assert {one["outcome"] for one in swarm.ended(run).values()} == {"succeeded"}


async def test_a_client_that_leaves_ends_the_server_and_not_the_run(
    swarm: Swarm, run: str
):
    swarm.until_state(f"{run}/a", "running")
    with Lines(swarm) as client:
        pid = client.process.pid
        at_rest = sockets_of(pid)
        client.begin("tools/call", {"name": "wait", "arguments": {"run": run}})
        until(lambda: sockets_of(pid) > at_rest)
        assert client.leave() == (0, "")

    assert {one["state"] for one in swarm.sessions(run).values()} == {"running"}
    assert not (swarm.home / "defects.log").exists()


async def test_a_client_that_leaves_while_it_is_told_something_is_no_defect(
    swarm: Swarm, run: str
):
    with Lines(swarm) as client:
        for _ in range(50):
            client.begin("tools/list", {})
        assert client.leave() == (0, "")
    assert run in swarm.call("list").out
    assert not (swarm.home / "defects.log").exists()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_at_once_and_not_the_run(
    swarm: Swarm, run: str, sent: signal.Signals
):
    with Lines(swarm) as client:
        client.begin("tools/call", {"name": "wait", "arguments": {"run": run}})
        os.kill(client.process.pid, sent)
        assert client.process.wait(LIMIT_S) == -sent
        assert client.process.stderr is not None
        assert client.process.stderr.read() == ""
    assert {one["state"] for one in swarm.sessions(run).values()} != {"done"}


async def test_work_that_takes_longer_goes_on_and_is_told_when_asked_again(
    swarm: Swarm,
):
    swarm.repository()
    done = swarm.spawn({"a": {"profile": "demo", "prompt": "Create `a.txt`: a word"}})
    swarm.ended(done)
    gate, diary = swarm.folder / "gate", swarm.folder / "diary"
    check = f"echo x >> {diary}; until [ -e {gate} ]; do sleep 0.02; done"
    fields = {"run": done, "merge": True, "check": check}

    async with impatient(swarm, longest_s=0.5) as client:
        with anyio.fail_after(LIMIT_S):
            first = await client.call_tool("aggregate", fields)
            gate.touch()
            while (again := await client.call_tool("aggregate", fields)).is_error:
                assert "[still_working]" in text_of(again)
            fresh = await client.call_tool("list", {"run": done})

    assert first.is_error
    assert "aggregate is still at work" in text_of(first)
    assert "same arguments" in text_of(first)
    assert f"Merged 1 branch on `swarm/{done}/merged`" in text_of(again)
    assert diary.read_text() == "x\nx\n", "one merge checks before and after"
    assert not fresh.is_error


async def told_at_last(client: Client, name: str, fields: dict[str, Any]) -> str:
    """Make a call again until it is told what came of it."""
    with anyio.fail_after(LIMIT_S):
        while "[still_working]" in (
            told := text_of(await client.call_tool(name, fields))
        ):
            pass
    return told


async def test_a_report_asked_for_again_after_a_retry_is_not_the_one_from_before(
    swarm: Swarm,
):
    swarm.repository()
    gate = swarm.folder / "gate"
    done = swarm.spawn(
        {
            "a": {"profile": "demo", "prompt": "Create `a.txt`: a word"},
            "b": {"argv": ["test", "-e", str(gate)], **NONE},
        }
    )
    swarm.ended(done)
    check = f"until [ -e {gate} ]; do sleep 0.02; done"
    fields = {"run": done, "merge": True, "check": check}

    async with impatient(swarm, longest_s=0) as client:
        assert (await client.call_tool("aggregate", fields)).is_error
        gate.touch()
        await told_at_last(client, "retry", {"id": done})
        swarm.ended(done)
        told = await told_at_last(client, "aggregate", fields)
        if " ago, before retry." in told:  # it had not been done yet
            told = await told_at_last(client, "aggregate", fields)

    assert "2 succeeded" in told
    assert "failed" not in told


async def test_a_slow_spawn_that_is_repeated_on_purpose_starts_another_run(
    swarm: Swarm,
):
    plan = {"tasks": {"a": {"argv": ["true"], **NONE}}}
    fields = {"plan": plan, "cwd": str(swarm.folder)}
    async with impatient(swarm, longest_s=0) as client:
        told = [await told_at_last(client, "spawn", fields) for _ in range(2)]

    runs = {text.partition(":")[0] for text in told}
    assert len(runs) == 2
    for text in told:
        assert "This came of the same call made " in text.splitlines()[-1]
    for run in runs:
        swarm.ended(run)


async def test_an_object_keeps_to_its_schema_where_it_is_told_late(swarm: Swarm):
    desk = Desk(str(swarm.home), is_structured=True, longest_s=0)
    async with Client(server_of(desk)) as client:
        await client.list_tools()  # holds every answer to its schema from now on
        with anyio.fail_after(LIMIT_S):
            while (read := await client.call_tool("list", {})).is_error:
                pass
    assert read.structured_content == {"version": 1, "runs": []}
    note = read.content[-1]
    assert isinstance(note, types.TextContent)
    assert note.text.startswith("This came of the same call made ")


async def test_a_merge_that_is_cancelled_ends_its_check(swarm: Swarm):
    swarm.repository()
    done = swarm.spawn({"a": {"profile": "demo", "prompt": "Create `a.txt`: a word"}})
    swarm.ended(done)
    pid_file = swarm.folder / "pid"
    check = f"echo $$ > {pid_file}; exec sleep 600"
    asked = {"run": done, "merge": True, "check": check}

    with Lines(swarm) as client:
        number = client.begin("tools/call", {"name": "aggregate", "arguments": asked})
        until(lambda: pid_file.exists() and pid_file.read_text().strip())
        client.send("notifications/cancelled", {"requestId": number})
        until(lambda: not is_live(int(pid_file.read_text())))


async def test_the_same_spawn_asked_for_twice_at_once_makes_two_runs(swarm: Swarm):
    plan = {"tasks": {"a": {"argv": ["true"], **NONE}}}
    fields = {"plan": plan, "cwd": str(swarm.folder)}
    runs: list[str] = []

    async def spawn(session: ClientSession) -> None:
        told = text_of(await session.call_tool("spawn", fields))
        runs.append(told.partition(":")[0])

    async with connected(swarm) as session, anyio.create_task_group() as group:
        group.start_soon(spawn, session)
        group.start_soon(spawn, session)

    assert len(set(runs)) == 2
    for run in runs:
        swarm.ended(run)


async def test_many_waits_keep_nobody_from_asking(swarm: Swarm, run: str):
    with Lines(swarm) as client:
        waits = {"name": "wait", "arguments": {"run": run}}
        for _ in range(60):
            client.begin("tools/call", waits)
        last = client.begin("tools/call", {"name": "list", "arguments": {}})
        answer = client.read()
    assert answer["id"] == last
    assert run in json.dumps(answer)
