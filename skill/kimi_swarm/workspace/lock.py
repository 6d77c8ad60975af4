"""One at a time per folder: between our tasks and between processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import current_token

FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.03

_queues: WeakValueDictionary[tuple[Any, int, int], anyio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def folder_lock(folder: Path) -> AsyncIterator[None]:
    """Hold the only right to what a folder stands for; do not ask twice in one task.

    A repository's shared folder stands for its worktrees and branches. The lock is on
    the folder's own descriptor: no file is left behind and the kernel drops it with the
    process. Tasks of one event loop come in order of asking. Raises FileNotFoundError
    when the folder is gone.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        seen = os.fstat(fd)
        key = (current_token(), seen.st_dev, seen.st_ino)
        queue = _queues.setdefault(key, anyio.Lock())
        async with queue:
            await _take(fd)
            yield
    finally:
        os.close(fd)


async def _take(fd: int) -> None:
    # Asking again, not a blocked thread: a thread in flock cannot be cancelled.
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await anyio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        except OSError:
            # Some network file systems lock no folders; git's own locks remain.
            return
        else:
            return
