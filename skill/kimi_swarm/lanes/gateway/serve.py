"""Being the one gateway of a state folder, from taking its lock to going idle."""

from __future__ import annotations

import os
import socket
from typing import Any

import anyio
from aiohttp import web
from anyio.abc import UNIXSocketStream

from kimi_swarm.core.gate import Gate
from kimi_swarm.core.pool_rule import rule_from_data
from kimi_swarm.lanes.gateway.control import Control
from kimi_swarm.lanes.gateway.grant import grant_from_dict
from kimi_swarm.lanes.gateway.grants import Grants
from kimi_swarm.lanes.gateway.ledger import Ledger
from kimi_swarm.lanes.gateway.marks import HeldMarks
from kimi_swarm.lanes.gateway.memory import Memory
from kimi_swarm.lanes.gateway.proxy import Proxy
from kimi_swarm.lanes.gateway.queue import Queue
from kimi_swarm.lanes.gateway.till import Till
from kimi_swarm.lanes.gateway.token import read_secret
from kimi_swarm.lanes.gateway.upstream import Upstream
from kimi_swarm.location import gateway_lock_path, gateway_socket_path
from kimi_swarm.process.bell import prepare_folder_of
from kimi_swarm.process.late_reads import pass_over_late_reads
from kimi_swarm.process.locks import try_lock

LOOK_S = 1.0
KEEPALIVE_S = 75.0
BACKLOG = 1024
LOCK_LIMIT_S = 5.0
LOCK_STEP_S = 0.01


async def serve(home: str, listening: int, supervisor: int) -> int:
    """Serve a state folder's workers until nobody needs it; return an exit code.

    `listening` is a socket that listens on loopback, `supervisor` a connection to who
    started this. Requests are taken once it has said `open`.
    """
    pass_over_late_reads()
    lock = await _take_lock(home)
    if lock is None:
        return 1
    try:
        gateway = Gateway(home, listening)
        await gateway.serve(supervisor)
    finally:
        # In this order: who sees the lock free finds the port free too.
        os.close(listening)
        os.close(lock)
    return 0


async def _take_lock(home: str) -> int | None:
    """Take the folder's gateway lock, waiting for one that is just leaving."""
    with anyio.move_on_after(LOCK_LIMIT_S):
        # Nothing announces a free lock.
        while (lock := try_lock(gateway_lock_path(home))) is None:  # noqa: ASYNC110 as above
            await anyio.sleep(LOCK_STEP_S)
        return lock
    return None


class Gateway:
    """One gateway's parts, and how they hang together."""

    def __init__(self, home: str, listening: int) -> None:
        self._home = home
        self._listening = listening
        self.grants = Grants()
        self.marks = HeldMarks()
        self.queue = Queue(Gate({}))
        self.till = Till(self.queue)
        self.ledger = Ledger(home, self.till)
        self.memory = Memory(home, self.queue, self.ledger.remembered)
        self.memory.recall(self.ledger.left)
        self._opened = anyio.Event()
        path = gateway_socket_path(home)
        self.control = Control(path, listening, self._answer)

    async def serve(self, supervisor: int) -> None:
        """Live until neither a supervisor nor a worker needs it."""
        prepare_folder_of(gateway_socket_path(self._home))
        upstream = Upstream()
        secret, spends_on = read_secret(self._home), self.queue.spends_on
        proxy = Proxy(
            *(self.grants, self.till, self.ledger, self.marks, upstream),
            *(secret, spends_on),
        )
        # Whoever hangs up is not served to the end: a killed worker's request ends.
        server = web.Server(
            proxy.handle,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=KEEPALIVE_S,
        )
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        try:
            async with anyio.create_task_group() as group:
                await group.start(self.control.serve)
                hearer = UNIXSocketStream.from_socket
                first = await hearer(socket.socket(fileno=supervisor))
                group.start_soon(self.control.hear, first)
                for part in (self.ledger, self.queue, self.marks, self.memory):
                    group.start_soon(part.serve)
                group.start_soon(self.ledger.keep_looking)
                await self._take_requests(runner)
                await self._until_idle()
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()
                await upstream.aclose()
                await self.ledger.aclose()
                self.memory.save()

    async def _take_requests(self, runner: web.ServerRunner) -> None:
        # Not before every session was granted: what lives would be refused.
        with anyio.move_on_after(LOOK_S * 10):
            await self._opened.wait()
        shared = socket.socket(fileno=os.dup(self._listening))
        await web.SockSite(runner, shared, backlog=BACKLOG).start()

    async def _until_idle(self) -> None:
        """Wait until there is no supervisor, and no worker that may yet ask."""
        while True:
            with anyio.move_on_after(LOOK_S):
                await self.control.changed.wait()
            if self.control.has_supervisor:
                continue
            for session in self.grants.over():
                self._drop(session)
            if not len(self.grants) and not self.ledger.in_flight:
                return

    async def _answer(self, words: dict[str, Any]) -> dict[str, Any]:
        match words:
            case {"do": "grant", "grant": dict(told)}:
                self.grants.add(grant_from_dict(told))
                await self.ledger.look()
            case {"do": "drop", "session": str(session)}:
                self._drop(session)
                with anyio.move_on_after(LOOK_S):
                    await self.ledger.flushed()
            case {"do": "open"}:
                self.grants.expect_more(float(words.get("more_s", 0)))
                self._opened.set()
            case {"do": "pools", "pools": list(told)}:
                self.queue.keep_to(tuple(map(rule_from_data, told)))
                # What is sent from now on is counted in these, whoever dies.
                self.memory.save()
            case {"do": "try_again"}:
                self.queue.open_again()
            case {"do": "status"}:
                return self.status()
            case _:
                raise ValueError
        return {}

    def _drop(self, session: str) -> None:
        self.grants.drop(session)
        self.queue.forget(session)

    def status(self) -> dict[str, Any]:
        """Tell who this is, and how many requests are where."""
        return {
            "pid": os.getpid(),
            "sessions": len(self.grants),
            "in_flight": self.ledger.in_flight,
            "held": self.marks.held,
            "pools": self.queue.pools(),
        }
