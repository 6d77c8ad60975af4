"""The gateway's side of what it is told: by its supervisor, or by who asks after it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import SocketListener, SocketStream, TaskStatus, UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from kimi_swarm.lanes.gateway.words import LINE_LIMIT_BYTES, line_of, words_in

Answerer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_BREAKS = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.DelimiterNotFound,
    ValueError,
    KeyError,
    TypeError,
)


class Control:
    """Hears words at a Unix socket; each is answered by `answer`."""

    def __init__(self, path: str, listening: int, answer: Answerer) -> None:
        self._path = path
        self._listening = listening
        self._answer = answer
        self._supervisors = 0
        self.changed = anyio.Event()

    @property
    def has_supervisor(self) -> bool:
        """Whether a supervisor holds a connection."""
        return self._supervisors > 0

    async def serve(
        self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Hear whoever comes, until cancelled."""
        listener: SocketListener
        async with await anyio.create_unix_listener(self._path, mode=0o600) as listener:
            task_status.started()
            try:
                await listener.serve(self._hear_any)
            finally:
                # Only the holder of the lock makes one: it is ours to remove.
                with suppress(FileNotFoundError):
                    os.unlink(self._path)  # noqa: PTH108 a string, one local call

    async def _hear_any(self, stream: SocketStream) -> None:
        assert isinstance(stream, UNIXSocketStream)  # noqa: S101 of a Unix listener
        await self.hear(stream)

    async def hear(self, stream: UNIXSocketStream) -> None:
        """Answer one connection until it ends; nonsense ends it."""
        is_supervisor = False
        async with stream:
            buffered = BufferedByteReceiveStream(stream)
            try:
                while True:
                    line = await buffered.receive_until(b"\n", LINE_LIMIT_BYTES)
                    words = words_in(line)
                    if words.get("do") in ("open", "socket") and not is_supervisor:
                        is_supervisor = True
                        self._supervisors += 1
                    if words.get("do") == "socket":
                        await stream.send_fds(b"{}\n", [self._listening])
                    else:
                        await stream.send(line_of(await self._answer(words)))
            except _BREAKS:
                pass
            finally:
                self._supervisors -= is_supervisor
                self.changed.set()
                self.changed = anyio.Event()
