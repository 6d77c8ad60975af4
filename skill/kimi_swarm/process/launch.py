"""Launching workers and following them: the supervisor's side of zygote and shims."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
from anyio.abc import UNIXSocketStream

from kimi_swarm.errors import SwarmError
from kimi_swarm.process.crash_point import passed_on, reach
from kimi_swarm.process.locks import is_locked, try_lock
from kimi_swarm.process.platform import identity
from kimi_swarm.process.records import (
    ExitRecord,
    LaunchFiles,
    LaunchSpec,
    read_exit,
    read_shim,
)

SOURCE_ROOT = Path(__file__).parents[2]
LAUNCH_TRIES = 5
WHOLE_BYTES = 32_768


class LaunchTakenError(SwarmError):
    """Raised when a launch's lock is held: its shim may live, nothing was started."""

    code = "launch_taken"
    exit_code = 3

    def __init__(self, folder: str) -> None:
        super().__init__(f"Somebody else holds the launch in {folder}.")


class ZygoteDeadError(SwarmError):
    """Raised when every zygote died before it could start the launch."""

    code = "zygote_dead"
    exit_code = 3

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"The helper that starts workers died {LAUNCH_TRIES} times over {folder}.",
            remedy="Read supervisor.log in the state folder.",
        )


class Zygote:
    """A live zygote and the socket to it; starts another one when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: UNIXSocketStream | None = None
        self._turn = anyio.Lock()

    async def launch(self, files: LaunchFiles, spec: LaunchSpec) -> int:
        """Start the shim of a launch; return the reading end of its FIFO.

        The caller owns the descriptor. Raises LaunchTakenError when a shim of this
        folder may live already, ZygoteDeadError, OSError when its files cannot be made.
        """
        os.makedirs(files.folder, mode=0o700, exist_ok=True)  # noqa: PTH103 strings here
        for _ in range(LAUNCH_TRIES):
            reading, is_answered = await self._try_launch(files, spec)
            # A zygote that died before its answer may have forked: the lock tells.
            if is_answered or is_locked(files.lock) or read_shim(files) is not None:
                return reading
            os.close(reading)
        raise ZygoteDeadError(files.folder)

    async def _try_launch(
        self, files: LaunchFiles, spec: LaunchSpec
    ) -> tuple[int, bool]:
        lock = try_lock(files.lock)
        if lock is None:
            raise LaunchTakenError(files.folder)
        try:
            reading = open_alive(files)
            writing = os.open(files.alive, os.O_WRONLY | os.O_CLOEXEC)
            try:
                async with self._turn:
                    answered = await self._hand_over(files, spec, (lock, writing))
            except BaseException:
                os.close(reading)
                raise
            finally:
                os.close(writing)
        finally:
            os.close(lock)
        return reading, answered

    async def _hand_over(
        self, files: LaunchFiles, spec: LaunchSpec, descriptors: tuple[int, int]
    ) -> bool:
        body = json.dumps({"folder": files.folder, "spec": list(spec)}).encode()
        message = len(body).to_bytes(4, "big") + body
        stream = await self._connected()
        reach("supervisor.before_request")
        # A cancelled half of a message would garble every later one.
        with anyio.CancelScope(shield=True):
            try:
                # One call takes a short message whole: the socket is empty by then.
                first = message if len(message) <= WHOLE_BYTES else message[:1]
                await stream.send_fds(first, list(descriptors))
                if len(first) < len(message):
                    await stream.send(message[1:])
                reach("supervisor.after_request")
                await _receive_exactly(stream, 4)
                reach("supervisor.after_answer")
            except (anyio.BrokenResourceError, anyio.EndOfStream):
                await self.aclose()
                return False
        return True

    async def _connected(self) -> UNIXSocketStream:
        if self._stream is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(  # noqa: ASYNC220 it is a long-lived child
                    [
                        sys.executable,
                        *("-S", "-s", "-m", "kimi_swarm.process.zygote"),
                        str(theirs.fileno()),
                    ],
                    env={"PYTHONPATH": str(SOURCE_ROOT), **passed_on()},
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            self._stream = await UNIXSocketStream.from_socket(ours)
        return self._stream

    async def aclose(self) -> None:
        """Let the zygote end; shims live on."""
        if self._stream is not None:
            await self._stream.aclose()
            self._stream = None
        if self._process is not None:
            process, self._process = self._process, None
            await anyio.to_thread.run_sync(process.wait)


async def _receive_exactly(stream: UNIXSocketStream, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += await stream.receive(length - len(received))
    return received


def open_alive(files: LaunchFiles) -> int:
    """Open the reading end of a launch's FIFO, made if missing, without waiting."""
    with suppress(FileExistsError):
        os.mkfifo(files.alive, 0o600)
    return os.open(files.alive, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def has_begun(files: LaunchFiles) -> bool:
    """Whether a shim of this launch lives, or ran and said who it was."""
    return is_locked(files.lock) or read_shim(files) is not None


async def follow(
    files: LaunchFiles, reading: int, on_news: Callable[[], None] = lambda: None
) -> ExitRecord | None:
    """Wait until a launch's shim is gone; return its exit record if it left one.

    `reading` is the reading end of its FIFO, opened before this call, and is closed.
    `on_news` is called when the shim has written something to read on the way.
    """
    try:
        # An end of file that was there before anybody wrote is not announced: look at
        # the lock first, which is free only when no shim is there or will be.
        while is_locked(files.lock):
            await anyio.wait_readable(reading)
            if os.read(reading, 64) == b"":
                await _until_free(files)
            else:
                on_news()
    finally:
        os.close(reading)
    return read_exit(files)


async def _until_free(files: LaunchFiles) -> None:
    """Bridge the instant between the closing of a dying shim's two descriptors."""
    while is_locked(files.lock):  # noqa: ASYNC110 microseconds; nothing announces it
        await anyio.sleep(0.001)


def stop(files: LaunchFiles) -> bool:
    """Tell a launch's shim to end its worker; False when it cannot be told (yet).

    Identity is lock, pid and start time together: a pid alone may be a stranger's.
    """
    who = read_shim(files)
    if who is None or not is_locked(files.lock):
        return False
    try:
        if sys.platform == "linux":
            handle = os.pidfd_open(who.pid)
            try:
                if identity(who.pid) != who:
                    return False
                signal.pidfd_send_signal(handle, signal.SIGTERM)
            finally:
                os.close(handle)
        elif identity(who.pid) == who:
            os.kill(who.pid, signal.SIGTERM)
        else:
            return False
    except ProcessLookupError:
        return False
    return True
