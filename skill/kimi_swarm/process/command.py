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
from anyio.abc import ByteReceiveStream

from kimi_swarm.errors import SwarmError


class ProgramMissingError(SwarmError):
    """Raised when a program is not on this machine."""

    code = "program_missing"

    def __init__(self, program: str, *, remedy: str = "") -> None:
        super().__init__(
            f"{program} was not found on this machine.",
            remedy=remedy or f"Install {program} and make sure it is on PATH.",
        )
        self.program = program


class CommandTimeoutError(SwarmError):
    """Raised when a short program does not end in time; it was killed."""

    code = "command_timeout"
    exit_code = 1
    retryable = True

    def __init__(self, argv: Sequence[str], limit_s: float) -> None:
        super().__init__(f"{' '.join(argv[:4])} did not end within {limit_s:g} s.")


class Completed(NamedTuple):
    """How a short program ended: exit code (negative: signal), and what it wrote."""

    exit_code: int
    stdout: bytes
    stderr: bytes


async def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limit_s: float = 120.0,
) -> Completed:
    """Run a program to its end in a session of its own, stdin empty.

    The whole process group is killed when `limit_s` seconds pass or the caller is
    cancelled. Raises ProgramMissingError, CommandTimeoutError.
    """
    try:
        process = await anyio.open_process(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProgramMissingError(argv[0]) from error
    out: list[bytes] = []
    err: list[bytes] = []
    exit_code: int | None = None
    try:
        with anyio.move_on_after(limit_s):
            async with anyio.create_task_group() as group:
                group.start_soon(_drain, process.stdout, out)
                group.start_soon(_drain, process.stderr, err)
            exit_code = await process.wait()
    finally:
        if exit_code is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with anyio.CancelScope(shield=True):
            await process.aclose()
    if exit_code is None:
        raise CommandTimeoutError(argv, limit_s)
    return Completed(exit_code, b"".join(out), b"".join(err))


async def _drain(stream: ByteReceiveStream | None, into: list[bytes]) -> None:
    if stream is not None:
        into.extend([chunk async for chunk in stream])
