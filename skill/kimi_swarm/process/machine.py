"""What this machine has to carry workers with."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def cpus() -> int:
    """Return how many cores there are, 1 or more."""
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """Return how much memory there is."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_bytes(path: str) -> int:
    """Return how much room a user has on the disk of a path that may not exist yet.

    Raises OSError when the disk cannot be asked.
    """
    place = Path(path)
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free
