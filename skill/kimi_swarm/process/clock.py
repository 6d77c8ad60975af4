"""The one place that asks the machine what time it is."""

from __future__ import annotations

import time


def now() -> float:
    """Return the moment as seconds since the epoch."""
    return time.time()
