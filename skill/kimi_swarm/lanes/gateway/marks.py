"""Telling shims that a worker's request is held: its silence is our doing then.

A file in the launch's folder is touched as long as that is so. If the gateway dies, it
is touched no more, and the worker's silence counts again.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress

import anyio

from kimi_swarm.process.records import LaunchFiles

STEP_S = 0.5
"""A shim looks every second: it sees a new touch at each look."""


class HeldMarks:
    """The launches of which a request is held."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many requests are held."""
        return self._held.total()

    def begin(self, launch: str) -> None:
        """Note that one more request of a launch is held."""
        self._held[launch] += 1

    def end(self, launch: str) -> None:
        """Note that one of them goes on."""
        self._held[launch] -= 1
        if not self._held[launch]:
            del self._held[launch]

    async def serve(self) -> None:
        """Touch the files until cancelled."""
        while True:
            for launch in list(self._held):
                with suppress(OSError):  # its folder went: there is nobody to tell
                    _touch(LaunchFiles(launch).held)
            await anyio.sleep(STEP_S)


def _touch(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)
