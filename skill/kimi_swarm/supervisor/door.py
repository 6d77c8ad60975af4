"""The supervisor's door: short processes ring, and watchers hear of every change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketListener, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from kimi_swarm.process.bell import prepare_socket_folder

REQUEST_LIMIT_BYTES = 1_000_000


class Door:
    """A Unix socket in the state folder; what it hears goes to `on_ring`."""

    def __init__(
        self, home: str, on_ring: Callable[[str | None, dict[str, str]], None]
    ) -> None:
        self._home = home
        self._on_ring = on_ring
        self._watchers: set[ByteStream] = set()
        self._change = anyio.Event()
        self._listener: SocketListener | None = None

    def tell_watchers(self) -> None:
        """Announce that something changed."""
        self._change.set()
        self._change = anyio.Event()

    async def serve(
        self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Answer until cancelled."""
        path = prepare_socket_folder(self._home)
        try:
            async with await anyio.create_unix_listener(path, mode=0o600) as listener:
                task_status.started()
                await listener.serve(self._answer)
        finally:
            # Only the holder of the lock makes one: it is ours to remove.
            with suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108 a string, and one local call

    async def _answer(self, stream: ByteStream) -> None:
        async with stream:
            with suppress(
                anyio.BrokenResourceError,
                anyio.EndOfStream,
                anyio.IncompleteRead,
                anyio.DelimiterNotFound,
                ValueError,
            ):
                buffered = BufferedByteReceiveStream(stream)
                line = await buffered.receive_until(b"\n", REQUEST_LIMIT_BYTES)
                request = _read(line)
                if request.get("do") == "watch":
                    await self._keep_telling(stream)
                else:
                    self._on_ring(request.get("run"), request.get("env") or {})
                    await stream.send(b"ok")

    async def _keep_telling(self, stream: ByteStream) -> None:
        """Send a newline per change until the watcher leaves."""
        async with anyio.create_task_group() as group:
            group.start_soon(_until_gone, stream, group.cancel_scope)
            # Here and not around the group: an error that leaves it comes as a group.
            with suppress(anyio.BrokenResourceError):
                while True:
                    change = self._change
                    await stream.send(b"\n")
                    await change.wait()
            group.cancel_scope.cancel()


def _read(line: bytes) -> dict[str, Any]:
    """Read a request; raises ValueError on whatever is none."""
    try:
        request = json.loads(line)
    except RecursionError:
        raise ValueError from None
    if not isinstance(request, dict):
        raise ValueError  # noqa: TRY004 one kind of error for all that is no request
    return request


async def _until_gone(stream: ByteStream, scope: anyio.CancelScope) -> None:
    with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
        while True:
            await stream.receive(1)
    scope.cancel()
