"""The one place that asks the machine what time it is."""

from __future__ import annotations

import time


def steady() -> float:
    """Return seconds on a clock that nobody sets, from any beginning."""
    return time.monotonic()


def now() -> float:
    """Return the moment as seconds since the epoch."""
    return time.time()
