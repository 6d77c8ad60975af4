"""Keeping a gateway alive, and telling it who may pass: the supervisor's side.

It holds the listening socket, so that no worker is turned away while a dead gateway is
replaced, and every grant with its keys, so that the next one knows them too. A new
supervisor finds a living gateway at its socket, and gets both from there: the socket
itself, and what it was told before, as the gateway keeps keys that are not told again.
"""

from __future__ import annotations

import os
import socket
from contextlib import AsyncExitStack, suppress
from typing import Any

import anyio
from anyio.abc import SocketAttribute, UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from kimi_swarm.core.pool_rule import PoolRule, rule_to_data
from kimi_swarm.errors import SwarmError
from kimi_swarm.lanes.gateway.address import listening_socket
from kimi_swarm.lanes.gateway.grant import Grant, grant_to_dict
from kimi_swarm.lanes.gateway.words import LINE_LIMIT_BYTES, line_of, words_in
from kimi_swarm.location import (
    gateway_lock_path,
    gateway_log_path,
    gateway_socket_path,
)
from kimi_swarm.process.lane import Lane, start_lane
from kimi_swarm.process.locks import is_locked

MODULE = "kimi_swarm.lanes.gateway"
START_TRIES = 5
ANSWER_LIMIT_S = 20.0
LEAVING_LIMIT_S = 5.0
LEAVING_STEP_S = 0.02
NEEDLESS_S = 30.0
"""How long a gateway is kept that no session needs."""
_BREAKS = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    OSError,
    TimeoutError,
)


class GatewayDeadError(SwarmError):
    """Raised when no gateway could be brought to answer."""

    code = "gateway_dead"
    exit_code = 3

    def __init__(self, home: str) -> None:
        super().__init__(
            f"The gateway died {START_TRIES} times in a row.",
            remedy=f"Read {gateway_log_path(home)}.",
        )


class Line:
    """A connection to a gateway: one question at a time, each answered."""

    def __init__(self, stream: UNIXSocketStream) -> None:
        self._stream = stream
        self._buffered = BufferedByteReceiveStream(stream)
        # Of its own: two may wait for one socket, but not by one descriptor.
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 no database here
        self._ear = socket.socket(fileno=os.dup(raw.fileno()))

    async def ask(self, words: dict[str, Any]) -> dict[str, Any]:
        """Say something and return the answer. Raises what a broken line does."""
        # Shielded: who left in between would leave the next one the wrong answer.
        with anyio.fail_after(ANSWER_LIMIT_S, shield=True):
            await self._stream.send(line_of(words))
            heard = await self._buffered.receive_until(b"\n", LINE_LIMIT_BYTES)
        return words_in(heard)

    async def ask_for_socket(self) -> int:
        """Return the gateway's listening socket."""
        with anyio.fail_after(ANSWER_LIMIT_S):
            await self._stream.send(line_of({"do": "socket"}))
            _, descriptors = await self._stream.receive_fds(16, 1)
        if not descriptors:
            raise anyio.EndOfStream
        return int(descriptors[0])

    async def until_heard(self) -> None:
        """Wait until there is an answer, or the gateway is gone."""
        with suppress(anyio.ClosedResourceError):
            await anyio.wait_readable(self._ear)

    async def aclose(self) -> None:
        """Hang up."""
        anyio.notify_closing(self._ear)
        self._ear.close()
        await self._stream.aclose()


class Keeper:
    """The gateway of a state folder, brought to life when it is first needed."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._grants: dict[str, Grant] = {}
        self._pools: tuple[PoolRule, ...] = ()
        self._is_to_try_again = False
        self.more_s = 0.0
        """How long a gateway lets those wait that it does not know."""
        self._listening: socket.socket | None = None
        self._line: Line | None = None
        self._process: Lane | None = None
        self._turn = anyio.Lock()
        self._changed = anyio.Event()

    @property
    def is_needed(self) -> bool:
        """Whether any session is let through."""
        return bool(self._grants)

    def knows(self, session: str) -> bool:
        """Whether a session is let through."""
        return session in self._grants

    async def port(self) -> int:
        """Return the port at which workers reach the gateway, alive or not yet.

        Raises OSError.
        """
        async with self._turn:
            return await self._port()

    async def grant(self, grant: Grant) -> None:
        """Let a session pass: the gateway knows it when this returns.

        Raises GatewayDeadError, OSError.
        """
        async with self._turn:
            self._grants[grant.session] = grant
            await self._tell({"do": "grant", "grant": grant_to_dict(grant)})

    async def keep_to(self, pools: tuple[PoolRule, ...]) -> None:
        """Let pools bear that, now and in every gateway to come."""
        async with self._turn:
            if pools == self._pools:
                return
            self._pools = pools
            if self._line is not None:
                with suppress(GatewayDeadError, OSError):  # the next one is told
                    await self._tell(self._words_of_pools())

    async def try_again(self) -> None:
        """Let closed pools be tried: a person asks for more work.

        Without a gateway the next one is told: it knows what the last one closed.
        """
        async with self._turn:
            self._is_to_try_again = True
            if self._line is not None:
                with suppress(GatewayDeadError, OSError):  # the next one is told
                    await self._tell({"do": "try_again"})
                    self._is_to_try_again = False

    def _words_of_pools(self) -> dict[str, Any]:
        return {"do": "pools", "pools": [rule_to_data(one) for one in self._pools]}

    async def drop(self, session: str) -> None:
        """Let a session pass no more; all that it asked for is in the store then."""
        async with self._turn:
            if self._grants.pop(session, None) is None:
                return
            with suppress(GatewayDeadError, OSError):  # then its token is nothing too
                await self._tell({"do": "drop", "session": session})

    async def status(self) -> dict[str, Any] | None:
        """Return how many requests are where; None without a gateway."""
        async with self._turn:
            if self._line is None:
                return None
            return await self._tell({"do": "status"})

    async def watch(self) -> None:
        """Replace a gateway that dies while sessions need it, until cancelled.

        One that no session needs for a while is let go.
        """
        while True:
            line = self._line
            with anyio.move_on_after(NEEDLESS_S) as patience:
                if line is None or line is not self._line:
                    await self._changed.wait()
                else:
                    await line.until_heard()
            async with self._turn:
                if not self._grants:
                    # Nobody is to wait at a socket where no gateway will come.
                    if patience.cancelled_caught:
                        await self._let_go()
                elif self._line is not None:
                    with suppress(GatewayDeadError, OSError):  # who needs it is told
                        await self._tell({"do": "status"})

    async def aclose(self) -> None:
        """Let the gateway be; it ends when no worker needs it."""
        if self._process is not None:
            self._process.let_be()
            self._process = None
        await self._let_go()

    async def _port(self) -> int:
        if self._listening is None:
            lock = gateway_lock_path(self._home)
            with anyio.move_on_after(LEAVING_LIMIT_S):
                # One that is just leaving has the port until it is gone.
                while not await self._find() and is_locked(lock):  # noqa: ASYNC110 as above
                    await anyio.sleep(LEAVING_STEP_S)
        if self._listening is None:
            self._listening = listening_socket(self._home)
        return int(self._listening.getsockname()[1])

    async def _find(self) -> bool:
        """Connect to a gateway that an earlier supervisor had; whether there is one."""
        path = gateway_socket_path(self._home)
        try:
            async with AsyncExitStack() as unless_found:
                line = Line(await anyio.connect_unix(path))
                unless_found.push_async_callback(line.aclose)
                listening = socket.socket(fileno=await line.ask_for_socket())
                unless_found.callback(listening.close)
                await self._tell_of_pools(line)
                unless_found.pop_all()
        except _BREAKS:
            return False
        self._listening = listening
        self._connected(line)
        return True

    def _connected(self, line: Line) -> None:
        self._line = line
        self._changed.set()
        self._changed = anyio.Event()

    async def _tell(self, words: dict[str, Any]) -> dict[str, Any]:
        await self._port()
        for _ in range(START_TRIES):
            try:
                if self._line is None:
                    await self._start()
                assert self._line is not None  # noqa: S101 just made
                return await self._line.ask(words)
            except _BREAKS:
                await self._hang_up()
        raise GatewayDeadError(self._home)

    async def _start(self) -> None:
        """Start a gateway and tell it all that there is."""
        assert self._listening is not None  # noqa: S101 asked for the port before
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = (self._listening.fileno(), theirs.fileno())
            self._process = start_lane(
                MODULE,
                [self._home, *map(str, descriptors)],
                descriptors,
                home=self._home,
                log=gateway_log_path(self._home),
            )
        self._connected(Line(await UNIXSocketStream.from_socket(ours)))
        assert self._line is not None  # noqa: S101 just made
        await self._tell_of_pools(self._line)
        for grant in self._grants.values():
            await self._line.ask({"do": "grant", "grant": grant_to_dict(grant)})
        await self._line.ask({"do": "open", "more_s": self.more_s})

    async def _tell_of_pools(self, line: Line) -> None:
        await line.ask(self._words_of_pools())
        if self._is_to_try_again:
            await line.ask({"do": "try_again"})
            self._is_to_try_again = False

    async def _let_go(self) -> None:
        await self._hang_up()
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        process, self._process = self._process, None
        # Whoever is cancelled in between leaves neither behind.
        with anyio.CancelScope(shield=True):
            if line is not None:
                await line.aclose()
            if process is not None:
                # Its line is gone: it is dead, stuck, or about to end for want of us.
                await process.end()
