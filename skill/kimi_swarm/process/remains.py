"""What a killed shim leaves behind: its worker, with nobody to bound or end it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from kimi_swarm.process.platform import (
    ProcessIdentity,
    descendants,
    identity,
    marked,
)
from kimi_swarm.process.records import LAUNCH_MARK, LaunchFiles, read_worker

LIMIT_S = 10.0
STEP_S = 0.02


def end_remains(files: LaunchFiles) -> int:
    """End every process that a launch without a shim still has; return how many.

    Found by the worker's identity, by descent from it, and by the launch's mark in
    their environment. Blocks for up to ten seconds.
    """
    ended: set[ProcessIdentity] = set()
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        left = _alive(files)
        if not left:
            break
        for each in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each.pid, signal.SIGKILL)
        ended |= left
        time.sleep(STEP_S)
    return len(ended)


def _alive(files: LaunchFiles) -> set[ProcessIdentity]:
    worker = read_worker(files)
    found = set(marked(LAUNCH_MARK, files.folder))
    if worker is not None and identity(worker.pid) == worker:
        found |= {worker, *descendants(worker.pid)}
    return found
