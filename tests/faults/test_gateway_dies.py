"""The gateway, its keeper or both die: no session is lost, and what it cost is told."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from anyio.to_thread import run_sync

from fakes.gateway import (
    KEY,
    SESSION,
    Call,
    Lane,
    chat,
    gateway_in,
    until_gone,
)
from fakes.raw_provider import STREAM_HEAD, Heard, RawProvider, Say, chunk, whole
from fakes.scripted_model import Limits, ScriptedModel
from fakes.swarm import is_live, process_table
from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.pool_rule import PoolRule
from kimi_swarm.core.window import Measure, Window
from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.store.database import open_database
from kimi_swarm.store.requests import LOST

pytestmark = pytest.mark.anyio
LIMIT_S = 60.0
CALLS = 12
KILLS = 3
DICE = random.Random(11)  # noqa: S311 the moments of the kills; any will do


def route_to(model: ScriptedModel, key: str | None = KEY) -> Route:
    return Route("p", model.url.removesuffix("/v1"), "/v1", key, pool="test")


async def kill(lane: Lane) -> int:
    """End the gateway by force, and see it dead."""
    pid = await lane.pid()
    os.kill(pid, signal.SIGKILL)
    with anyio.fail_after(LIMIT_S):
        while is_live(pid):  # noqa: ASYNC110 nothing announces it
            await anyio.sleep(0.01)
    return pid


async def test_who_asks_while_it_is_dead_waits_for_the_next_at_the_same_port(
    tmp_path: Path,
):
    with ScriptedModel(Limits(api_key=KEY)) as model:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(route_to(model))
            before = await kill(lane)
            assert (await lane.ask(chat())).status == 200
            assert await lane.pid() != before


async def test_streams_that_a_dead_gateway_cut_are_sent_again_and_counted(
    tmp_path: Path,
):
    """Workers here do as the real ones do: what breaks off, they send again."""
    done: list[int] = []

    def work(lane: Lane, number: int) -> None:
        said = [{"role": "user", "content": f"FAULT slow20\nSAY {'x' * 600} {number}"}]
        for _ in range(KILLS + 3):
            call = Call(lane.port, lane.token())
            try:
                call.send(chat(stream=True, messages=said))
                answer = call.answer()
                if answer.status == 200 and b"[DONE]" in answer.read():
                    done.append(number)
                    return
            except Exception:  # noqa: BLE001, S112 cut: whatever it is called
                continue
            finally:
                call.close()

    with ScriptedModel(Limits(api_key=KEY)) as model:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(route_to(model))
            async with anyio.create_task_group() as group:
                for number in range(CALLS):
                    group.start_soon(run_sync, work, lane, number)
                for _ in range(KILLS):
                    await anyio.sleep(DICE.uniform(0.05, 0.3))
                    await kill(lane)
            rows = await lane.rows()
    assert sorted(done) == list(range(CALLS))
    lost = [row for row in rows if row.ending == LOST and row.tries]
    again = [row for row in rows if row.sent_again and row.tries]
    # Each that was lost was sent again, and is known as the same request.
    assert len(again) == len(lost) > 0
    assert {row.digest for row in again} == {row.digest for row in lost}
    told = [row for row in rows if row.output_tokens is not None]
    assert len(told) >= CALLS


async def test_another_keeper_finds_it_with_its_keys_and_its_port(tmp_path: Path):
    with ScriptedModel(Limits(api_key=KEY)) as model:
        async with gateway_in(tmp_path, is_left=True) as lane:
            await lane.grant(route_to(model))
            port, pid, locks = lane.port, await lane.pid(), dict(lane.locks)
            # As a supervisor that is killed: it tells nothing, its worker goes on.
            lane.locks.clear()
        assert (await lane.ask(chat())).status == 200
        async with gateway_in(tmp_path) as other:
            other.locks.update(locks)
            await other.grant(route_to(model, key=None))
            assert (other.port, await other.pid()) == (port, pid)
            assert (await other.ask(chat())).status == 200
            # The one that it holds the socket for now is replaced as well.
            await other.grant(route_to(model))
            await kill(other)
            assert (await other.ask(chat())).status == 200
            assert other.port == port


async def test_without_keeper_and_workers_it_ends_and_the_token_is_worth_nothing(
    tmp_path: Path,
):
    with ScriptedModel(Limits(api_key=KEY)) as model:
        async with gateway_in(tmp_path, is_left=True) as lane:
            await lane.grant(route_to(model))
            lock = lane.locks.pop(SESSION)
        assert (await lane.ask(chat())).status == 200
        os.close(lock)
        await until_gone(tmp_path)
        with pytest.raises(ConnectionError):
            lane.post(chat())


async def test_both_dead_the_next_have_the_same_port(tmp_path: Path):
    with ScriptedModel(Limits(api_key=KEY)) as model:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(route_to(model))
            assert (await lane.ask(chat())).status == 200
        async with gateway_in(tmp_path) as other:
            assert other.port == lane.port
            await other.grant(route_to(model))
            assert (await other.ask(chat())).status == 200


async def test_what_a_pool_learnt_outlives_its_gateway(tmp_path: Path):
    told = b'{"error": {"message": "reached max organization concurrency: 1"}}'
    busy = whole("429 Too Many", told, "Retry-After: 1")
    answers = [busy, whole("200 OK", b"{}")]

    def answer(_: Heard, say: Say) -> None:
        say(answers.pop(0) if len(answers) > 1 else answers[0])

    with RawProvider(answer) as provider:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(Route("p", provider.origin, "/v1", KEY, pool="test"))
            assert (await lane.ask(chat())).status == 200
            kept = tmp_path / "gateway.pools.json"
            before = kept.stat().st_mtime_ns if kept.exists() else 0
            with anyio.fail_after(LIMIT_S):
                while not kept.exists() or kept.stat().st_mtime_ns == before:  # noqa: ASYNC110 nothing tells
                    await anyio.sleep(0.05)
            await kill(lane)
            status = await lane.keeper.status()
            assert status is not None
            assert status["pools"]["test"]["width"] == 1


async def test_what_was_held_before_it_was_sent_counts_for_the_next_gateway(
    tmp_path: Path,
):
    """Two in any two seconds: all but the first two are held, and sent much later."""
    most, per_s, workers = 2, 2.0, 6
    arrived: list[float] = []
    is_second_batch_here = threading.Event()

    def answer(_: Heard, say: Say) -> None:
        arrived.append(time.monotonic())
        if len(arrived) >= 2 * most:
            is_second_batch_here.set()
        say(whole("200 OK", b"{}"))

    def work(lane: Lane, number: int) -> None:
        for _ in range(workers):  # what breaks off is sent again, as programs do
            with suppress(OSError, HTTPException):
                assert lane.post(chat(n=number)).status == 200
                return

    with RawProvider(answer) as provider:
        url = provider.origin.removeprefix("http://")
        window = Window(Measure.REQUESTS, most, per_s)
        rule = PoolRule("few", PoolLimits(windows=(window,)), url=url)
        async with gateway_in(tmp_path) as lane:
            await lane.keeper.keep_to((rule,))
            await lane.grant(Route("p", provider.origin, "/v1", KEY, pool=url))
            async with anyio.create_task_group() as group:
                for number in range(workers):
                    group.start_soon(run_sync, work, lane, number)
                assert await run_sync(is_second_batch_here.wait, LIMIT_S)
                await kill(lane)
    assert len(arrived) >= workers
    spans = zip(arrived, arrived[most:], strict=False)
    assert min(later - first for first, later in spans) >= per_s


async def test_a_request_that_was_held_when_it_died_was_not_sent(tmp_path: Path):
    is_here, may_end = threading.Event(), threading.Event()

    def answer(_: Heard, say: Say) -> None:
        is_here.set()
        assert may_end.wait(LIMIT_S)
        say(whole("200 OK", b"{}"))

    def work(lane: Lane, number: int) -> None:
        with suppress(OSError, HTTPException):
            lane.post(chat(n=number))

    with RawProvider(answer) as provider:
        url = provider.origin.removeprefix("http://")
        rule = PoolRule("one", PoolLimits(concurrency=1), url=url)
        async with gateway_in(tmp_path) as lane:
            await lane.keeper.keep_to((rule,))
            await lane.grant(Route("p", provider.origin, "/v1", KEY, pool=url))
            async with anyio.create_task_group() as group:
                for number in range(2):
                    group.start_soon(run_sync, work, lane, number)
                assert await run_sync(is_here.wait, LIMIT_S)
                await _until_held(lane, 1)
                await kill(lane)
                may_end.set()
            await lane.pid()  # the next one is there, and has read what was left
            rows = await lane.rows()
    assert [row.ending for row in rows] == [LOST, LOST]
    assert sorted(row.tries for row in rows) == [0, 1]


async def _until_held(lane: Lane, count: int) -> None:
    with anyio.fail_after(LIMIT_S):
        while (status := await lane.keeper.status()) and status["held"] < count:  # noqa: ASYNC110 nothing tells
            await anyio.sleep(0.01)


async def test_a_port_that_is_taken_meanwhile_is_not_fought_for(tmp_path: Path):
    async with gateway_in(tmp_path) as lane:
        port = lane.port
    with socket.create_server(("127.0.0.1", port)):
        async with gateway_in(tmp_path) as other:
            assert other.port != port


async def test_the_key_is_in_no_file_and_in_no_process_s_words(tmp_path: Path):
    # Its own: others may test on this machine at the same time.
    key = f"{KEY}-{uuid4().hex}"
    holding = threading.Event()

    def answer(_: Heard, say: Say) -> None:
        say(STREAM_HEAD + chunk(b"data: {}\n\n"))
        assert holding.wait(LIMIT_S)
        say(chunk(b"data: [DONE]\n\n") + chunk(b""))

    with RawProvider(answer) as provider:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(Route("p", provider.origin, "/v1", key, pool="test"))
            await lane.ask(chat(), token="nonsense")  # noqa: S106 none of anybody's

            def call() -> None:
                asking = Call(lane.port, lane.token())
                asking.send(chat(stream=True))
                got = asking.answer()
                got.read1()
                holding.set()
                got.read()
                asking.close()

            async with anyio.create_task_group() as group:
                group.start_soon(run_sync, call)
                assert await run_sync(holding.wait, LIMIT_S)
                assert _words_of(await lane.pid())
                holders = [pid for pid in process_table() if _holds(pid, key)]
                assert holders == []
            await kill(lane)
            await lane.rows()
            for path in tmp_path.rglob("*"):
                if path.is_file():
                    assert key.encode() not in path.read_bytes(), path
                    assert lane.token().encode() not in path.read_bytes(), path
            assert (tmp_path / "gateway.secret").stat().st_mode & 0o077 == 0
            assert (tmp_path / "gateway.sock").stat().st_mode & 0o077 == 0


async def test_a_full_store_loses_no_row(tmp_path: Path):
    """Rows wait in the journal for a store that takes nothing, over a kill."""
    with ScriptedModel(Limits(api_key=KEY)) as model:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(route_to(model))
            store = open_database(str(tmp_path), create=False)
            assert store is not None
            store.execute("BEGIN IMMEDIATE")
            assert (await lane.ask(chat())).status == 200
            await kill(lane)
            store.execute("ROLLBACK")
            store.close()
            assert (await lane.ask(chat())).status == 200
            assert len(await lane.rows()) == 2


def _words_of(pid: int) -> bytes:
    found = b""
    for name in ("environ", "cmdline"):
        try:
            found += Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            continue
    return found


def _holds(pid: int, key: str) -> bool:
    return key.encode() in _words_of(pid)
