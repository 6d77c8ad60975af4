"""Starting a lane: a process of ours that many sessions share, and that outlives us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.to_thread

from kimi_swarm.process.crash_point import passed_on

END_LIMIT_S = 10.0
SOURCE_ROOT = Path(__file__).parents[2]


class Lane:
    """A lane that we started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    async def end(self) -> None:
        """See it gone, by force if it is stuck."""
        with anyio.CancelScope(shield=True):
            try:
                await anyio.to_thread.run_sync(self._process.wait, END_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                await anyio.to_thread.run_sync(self._process.wait)

    def let_be(self) -> None:
        """Let it live on without us."""
        # Else its end would be waited for, and its life complained about.
        if self._process.poll() is None:
            self._process.returncode = 0


def start_lane(
    module: str,
    words: Sequence[str],
    descriptors: Sequence[int],
    *,
    home: str,
    log: str,
) -> Lane:
    """Start a module of ours in a session of its own, these descriptors handed down.

    It gets no environment but where our code is, and writes what goes wrong to `log`.
    Raises OSError.
    """
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", module, *words],
            cwd=home,
            env={
                "PYTHONPATH": str(SOURCE_ROOT),
                "KIMI_SWARM_HOME": home,
                **passed_on(),
            },
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=descriptors,
            start_new_session=True,
        )
    finally:
        os.close(out)
    return Lane(process)
