"""What this machine has to carry workers with."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from kimi_swarm.errors import SwarmError
from kimi_swarm.process.cgroup import cpu_limit, memory_limit_bytes

MIB = 2**20


class DiskLowError(SwarmError):
    """Raised when a disk has too little room left to begin work on it."""

    code = "disk_low"

    def __init__(self, path: str, free_mib: int, wanted_mib: int) -> None:
        super().__init__(
            f"The disk of {path} has {free_mib} MiB left, less than the {wanted_mib} "
            "MiB that work needs to start; nothing was changed.",
            remedy="Free some space (`clear --older-than 7d` may), or set "
            "`limits: {min_free_mib: …}` in config.yaml.",
        )


def cpus() -> int:
    """Return how many cores we may use, whole ones, 1 or more."""
    there = os.cpu_count() or 1
    if sys.platform != "linux":
        return there
    ours = min(there, len(os.sched_getaffinity(0)))
    return max(1, int(min(ours, cpu_limit() or ours)))


def memory_bytes() -> int:
    """Return how much memory we may use."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_limit_bytes() if sys.platform == "linux" else None
    return there if limit is None else min(there, limit)


def free_bytes(path: str) -> int:
    """Return how much room a user has on the disk of a path that may not exist yet.

    What has no size at all is never full. Raises OSError when it cannot be asked.
    """
    place = Path(path)
    while not place.exists() and place != place.parent:
        place = place.parent
    disk = shutil.disk_usage(place)
    return disk.free if disk.total else sys.maxsize


def require_room(path: str, *, min_free_mib: int) -> None:
    """Raise DiskLowError unless the disk of a path has that much room left."""
    free_mib = free_bytes(path) // MIB
    if free_mib < min_free_mib:
        raise DiskLowError(path, free_mib, min_free_mib)
