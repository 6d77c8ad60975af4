"""Durations as people read them."""

from __future__ import annotations


def seconds(duration_s: float) -> str:
    """Write a duration as people read it: 0.4s, 12s, 3m05s, 2h10m."""
    if duration_s < 10:  # noqa: PLR2004 below ten, tenths matter
        return f"{duration_s:.1f}s"
    whole = round(duration_s)
    if whole < 60:  # noqa: PLR2004 seconds in a minute
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 minutes in an hour
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"
