"""How fast a budget is spent, and how long it will last: from sums by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple


class Burn(NamedTuple):
    """What was spent a day, over so many full days, and how many the rest lasts.

    `days_left` is None if nothing was spent, or no budget is known.
    """

    per_day: float
    days: int
    days_left: float | None


def burn(
    spent: Mapping[str, float], *, today: str, left: float | None, days: int = 7
) -> Burn | None:
    """Return the mean of the last full days (`2026-11-20`), today left out.

    Days before the first that is known do not count, days without spending do. None if
    no day but today is known: half a day says nothing of a whole one.
    """
    last = date.fromisoformat(today)
    known = [day for day in map(date.fromisoformat, spent) if day < last]
    if not known:
        return None
    since = max(min(known), last - timedelta(days=days))
    count = (last - since).days
    amount = sum(spent.get(str(since + timedelta(days=at)), 0.0) for at in range(count))
    per_day = amount / count
    lasts = left / per_day if left is not None and per_day > 0 else None
    return Burn(per_day, count, None if lasts is None else max(0.0, lasts))
