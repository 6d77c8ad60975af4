"""What a killed shim leaves behind: its worker, with nobody to bound or end it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from kimi_swarm.process.launch import stop
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.platform import (
    ProcessIdentity,
    bearers,
    can_tell_bearers,
    descendants,
    identity,
    is_inhabited,
)
from kimi_swarm.process.records import (
    LaunchFiles,
    read_worker,
    remove_half_written,
)

LIMIT_S = 10.0
SHIM_LIMIT_S = 30.0
STEP_S = 0.02
QUIET_LOOKS = 3
"""A worker that is just being started bears its variable only after its exec."""


def end_launch(files: LaunchFiles, name: str, value: str) -> None:
    """End a launch that nobody follows any more, by its shim where that lives.

    Blocks for as long as the worker's grace, at most half a minute.
    """
    deadline = time.monotonic() + SHIM_LIMIT_S
    while is_locked(files.lock) and time.monotonic() < deadline:
        stop(files)
        time.sleep(STEP_S)
    _end(files, name, value)


def end_remains(files: LaunchFiles, name: str, value: str, place: str) -> bool:
    """End every process that a launch without a shim still has.

    Returns whether it is proved that none is left. Found by the worker's identity, by
    descent from it, and by the variable that they bear in their environment; where that
    cannot be read, nothing is proved. Nor is it while somebody works in the launch's
    place: whoever hid all that may be there, or a person, who is left alone. What the
    shim had half written goes too. Blocks for up to ten seconds.
    """
    is_ended = _end(files, name, value) and can_tell_bearers()
    return is_ended and not is_inhabited(place)


def _end(files: LaunchFiles, name: str, value: str) -> bool:
    """End what is found of a launch; whether nothing more is found."""
    deadline = time.monotonic() + LIMIT_S
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < deadline:
        left = _alive(files, name, value)
        quiet = 0 if left else quiet + 1
        for each in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each.pid, signal.SIGKILL)
        time.sleep(STEP_S)
    remove_half_written(files)
    return quiet >= QUIET_LOOKS


def _alive(files: LaunchFiles, name: str, value: str) -> set[ProcessIdentity]:
    worker = read_worker(files)
    found = set(bearers(name, value))
    if worker is not None and identity(worker.pid) == worker:
        found |= {worker, *descendants(worker.pid)}
    return found
