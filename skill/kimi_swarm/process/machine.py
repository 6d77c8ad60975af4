"""What this machine has to carry workers with."""

from __future__ import annotations

import os


def cpus() -> int:
    """Return how many cores there are, 1 or more."""
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """Return how much memory there is."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
