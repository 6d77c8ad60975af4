"""Files that a launch needs only while it lives, and their end."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from kimi_swarm.process.locks import is_locked, try_lock
from kimi_swarm.process.records import LaunchFiles

LAUNCHES = ("setup", "work", "repair-1", "repair-2", "check")
"""The launches that a session's folder may hold, each in a folder of its own."""


def passing_files(files: LaunchFiles) -> list[Path]:
    """Return what is there of a launch's lock, FIFOs and half-written records."""
    passing = (files.alive, files.input, files.asking, files.held, files.lock)
    found = [path for name in passing if os.path.lexists(path := Path(name))]
    with suppress(OSError):
        found += [
            entry
            for entry in Path(files.folder).iterdir()
            if entry.suffix == ".new" and entry not in found
        ]
    return found


def tidy(files: LaunchFiles) -> int:
    """Remove the passing files of a launch that is over; return how many went.

    Nothing goes while a shim holds the lock. What the launch wrote for good stays.
    Never call it for a launch that may yet begin: its lock must not be two files.
    """
    found = passing_files(files)
    if not found or is_locked(files.lock):
        return 0
    held = try_lock(files.lock)
    if held is None:
        return 0
    try:
        for path in {*found, Path(files.lock)}:
            path.unlink(missing_ok=True)
    finally:
        os.close(held)
    return len(found)
