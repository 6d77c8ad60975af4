"""stats: what was used and what it cost, in all or apart by what tells it apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce
from typing import NamedTuple, assert_never

from kimi_swarm.actions.burning import DAY_S, Burning, burning_of
from kimi_swarm.actions.state import reading
from kimi_swarm.core.totals import NOTHING, Totals
from kimi_swarm.core.usage import day_of, measured, unstarted
from kimi_swarm.core.usage_sums import By, counted
from kimi_swarm.errors import UsageError
from kimi_swarm.process.clock import now
from kimi_swarm.store.database import Connection, at_one_moment
from kimi_swarm.store.prices import read_prices
from kimi_swarm.store.requests import metered_of
from kimi_swarm.store.totals import totals_by, totals_of
from kimi_swarm.store.usage import at_work
from kimi_swarm.store.views import UnknownRunError, recent_runs, run_row

DAYS = {"d": 1, "w": 7}
SHOWN = 20


class Group(NamedTuple):
    """What belongs together, by its name: "" where nobody named it."""

    name: str
    totals: Totals


class Stats(NamedTuple):
    """What was used, of one run or of all, from the day `since` on ("" for ever).

    `groups` are there if it was asked `by` something; `others` is what is in none of
    them: groups beyond the limit, and runs that were cleared. How fast it goes
    (`burning`) is told of all runs together.
    """

    run: str | None
    by: By | None
    since: str
    total: Totals
    groups: tuple[Group, ...] = ()
    others: Totals = NOTHING
    burning: Burning | None = None


def stats(
    home: str,
    run: str | None = None,
    *,
    by: By | None = None,
    since: str | None = None,
    limit: int = SHOWN,
) -> Stats:
    """Add up what was used, sessions at work included as far as it is measured.

    `since` is a day (`2026-11-20`) or an age in days or weeks (`7d`); days are UTC's.
    Raises UsageError, UnknownRunError.
    """
    day = "" if since is None else since_day(since, now())
    with reading(home) as connection:
        if connection is None:
            if run is not None:
                raise UnknownRunError(run)
            return Stats(run, by, day, NOTHING)
        return stats_of(connection, run, by=by, since=day, limit=limit)


def stats_of(
    connection: Connection,
    run: str | None = None,
    *,
    by: By | None = None,
    since: str = "",
    limit: int = SHOWN,
) -> Stats:
    """Add it up in an open state; `since` is a day. Raises UnknownRunError."""
    if run is not None:
        run_row(connection, run)
    # One moment for all questions: a session that ends between two is in one of them.
    with at_one_moment(connection):
        live = [each for each in _live(connection, run) if each.day >= since]
        total = totals_of(connection, run=run, since=since)
        total = _sum([total, *(each.totals for each in live)])
        groups = [] if by is None else _groups(connection, run, by, since, live, limit)
        burning = burning_of(connection, at=now()) if run is None else None
    shown = tuple(groups[:limit])
    rest = total.minus(_sum(group.totals for group in shown))
    others = NOTHING if by is None else rest
    return Stats(run, by, since, total, shown, others, burning)


class _Live(NamedTuple):
    """What a session at work used so far, of one model on one day."""

    run: str
    profile: str
    model: str
    day: str
    totals: Totals


def _live(connection: Connection, run: str | None) -> list[_Live]:
    """Return what the gateway measured of sessions at work; each of them counts."""
    pricing, today = read_prices(connection).cost, day_of(now())
    found = []
    for session, own_run, profile in at_work(connection, run):
        metered = metered_of(connection, session)
        parts = measured(metered, pricing) or [unstarted(today)]
        for number, part in enumerate(parts):
            totals = counted(part)._replace(live=int(number == 0))
            found.append(_Live(own_run, profile, part.model, part.day, totals))
    return found


def _groups(
    connection: Connection,
    run: str | None,
    by: By,
    since: str,
    live: Sequence[_Live],
    limit: int,
) -> list[Group]:
    """Return groups in the order in which they are shown, at least `limit` of them."""
    found: dict[str, Totals] = {}
    if by is By.RUN:
        runs = (
            [run] if run else [row.id for row in recent_runs(connection, limit=limit)]
        )
        for one in runs:
            found[one] = totals_of(connection, run=one, since=since)
    else:
        found = totals_by(connection, by.value, run=run, since=since)
    for each in live:
        name = getattr(each, by.value)
        if by is not By.RUN or name in found:
            found[name] = found.get(name, NOTHING).plus(each.totals)
    groups = [Group(*each) for each in found.items() if each[1] != NOTHING]
    match by:
        case By.RUN:
            return groups
        case By.DAY:
            return sorted(groups, reverse=True)
        case By.PROFILE | By.MODEL:
            return sorted(
                groups, key=lambda one: (-one.totals.nano_usd, -one.totals.tokens)
            )
        case _:
            assert_never(by)


def _sum(each: Iterable[Totals]) -> Totals:
    return reduce(Totals.plus, each, NOTHING)


def since_day(text: str, at: float) -> str:
    """Read a day, or an age such as `7d` or `2w` before a moment. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,5})([dw])", text, re.ASCII)
    if match is not None:
        age_s = int(match[1]) * DAYS[match[2]] * DAY_S
        return day_of(max(0.0, at - age_s))
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(
            f"{text!r} is no day.",
            remedy="Give a day such as 2026-11-20, or an age in whole days: 7d, 2w.",
        ) from None
