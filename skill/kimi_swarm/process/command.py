"""Short programs of our own need (git, version probes): run, wait, read."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import NamedTuple

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from kimi_swarm.errors import SwarmError

PIPE_GRACE_S = 0.5
READ_SIZE_BYTES = 65_536


class ProgramMissingError(SwarmError):
    """Raised when a program is not on this machine."""

    code = "program_missing"

    def __init__(self, program: str, *, remedy: str = "") -> None:
        super().__init__(
            f"{program} was not found on this machine.",
            remedy=remedy or f"Install {program} and make sure it is on PATH.",
        )
        self.program = program


class CommandStartError(SwarmError):
    """Raised when a program is there but cannot be started."""

    code = "command_start"
    exit_code = 1

    def __init__(self, program: str, why: str) -> None:
        super().__init__(
            f"{program} could not be started: {why}.",
            remedy=f"Check that {program} may be executed by this user.",
        )


class FolderMissingError(SwarmError):
    """Raised when the folder to work in is not there."""

    code = "folder_missing"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"The folder {folder} does not exist.", remedy="Name a folder that exists."
        )
        self.folder = folder


class CommandTimeoutError(SwarmError):
    """Raised when a short program does not end in time; it was killed."""

    code = "command_timeout"
    exit_code = 1
    retryable = True

    def __init__(self, argv: Sequence[str], limit_s: float) -> None:
        super().__init__(
            f"{' '.join(argv[:4])} did not end within {limit_s:g} s.",
            remedy="Try again when the machine is less busy.",
        )


class Completed(NamedTuple):
    """How a short program ended: exit code (negative: signal), and what it wrote.

    `cut_bytes` counts what `stdout` lacks because of the caller's bound.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    cut_bytes: int = 0


class _Sink:
    """Keeps the first bytes of a stream and counts the rest."""

    def __init__(self, keep_bytes: int | None) -> None:
        self.kept = bytearray()
        self.cut_bytes = 0
        self._keep_bytes = keep_bytes

    def take(self, chunk: bytes) -> None:
        room = len(chunk)
        if self._keep_bytes is not None:
            room = min(room, self._keep_bytes - len(self.kept))
        self.kept += chunk[:room]
        self.cut_bytes += len(chunk) - room


async def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    keep_bytes: int | None = None,
    limit_s: float = 120.0,
) -> Completed:
    """Run a program to its end in a session of its own.

    It reads `stdin` and then its end. Of its output the first `keep_bytes` are kept,
    the rest is read and counted. The whole process group is killed when `limit_s`
    seconds pass or the caller is cancelled. Raises ProgramMissingError,
    CommandStartError, FolderMissingError, CommandTimeoutError.
    """
    with anyio.CancelScope(shield=True):  # no process may start unseen by us
        process = await _start(argv, cwd, env, has_input=bool(stdin))
    out, err = _Sink(keep_bytes), _Sink(None)
    exit_code: int | None = None
    try:
        with anyio.move_on_after(limit_s):
            async with anyio.create_task_group() as watch:
                async with anyio.create_task_group() as streams:
                    streams.start_soon(_feed, process.stdin, stdin)
                    streams.start_soon(_drain, process.stdout, out)
                    streams.start_soon(_drain, process.stderr, err)
                    await process.wait()
                    watch.start_soon(_end_leftovers, process.pid)
                exit_code = process.returncode
                watch.cancel_scope.cancel()
    finally:
        if process.returncode is None:
            _kill_group(process.pid)
        with anyio.CancelScope(shield=True):
            await process.aclose()
    if exit_code is None:
        raise CommandTimeoutError(argv, limit_s)
    return Completed(exit_code, bytes(out.kept), bytes(err.kept), out.cut_bytes)


async def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, has_input: bool
) -> Process:
    try:
        return await anyio.open_process(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=PIPE if has_input else DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _what_is_wrong(argv[0], cwd, error) from error


def _what_is_wrong(program: str, cwd: Path, error: Exception) -> SwarmError:
    if not cwd.is_dir():
        return FolderMissingError(cwd)
    if isinstance(error, FileNotFoundError):
        return ProgramMissingError(program)
    return CommandStartError(program, getattr(error, "strerror", None) or str(error))


async def _end_leftovers(pid: int) -> None:
    """End background children that keep our pipes open after the program's end.

    Not by closing the pipes: output that is merely late must not be cut.
    """
    await anyio.sleep(PIPE_GRACE_S)
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def _feed(stream: ByteSendStream | None, what: bytes) -> None:
    if stream is not None:
        # A program may end without reading all; its exit code tells the story.
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await stream.send(what)
        with suppress(OSError, anyio.BrokenResourceError):
            await stream.aclose()


async def _drain(stream: ByteReceiveStream | None, into: _Sink) -> None:
    if stream is not None:
        with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
            while True:
                into.take(await stream.receive(READ_SIZE_BYTES))
