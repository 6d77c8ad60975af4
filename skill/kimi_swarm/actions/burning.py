"""How fast money and tokens go, and how long the budgets of days and months last."""

from __future__ import annotations

from typing import NamedTuple

from kimi_swarm.core.budget import Good
from kimi_swarm.core.burn import Burn, burn
from kimi_swarm.core.totals import NANO
from kimi_swarm.core.usage import day_of
from kimi_swarm.store.budgets import amount, read_budgets, spent_on
from kimi_swarm.store.database import Connection
from kimi_swarm.store.totals import totals_by

DAY_S = 86_400
LOOKED_AT_DAYS = 7
PERIODS = ("day", "month")


class PeriodBudget(NamedTuple):
    """A budget of each day or month: how much of it is spent, and how long it lasts.

    `good` is `usd` or `tokens`; `days_left` is None if nothing says how fast it goes.
    With `is_estimated` nobody counted a part of the tokens that were spent.
    """

    period: str
    good: str
    most: float
    spent: float
    days_left: float | None
    is_estimated: bool = False


class Burning(NamedTuple):
    """The means of `days` full days, 0 if there were none yet, and what they do."""

    days: int
    usd_per_day: float
    tokens_per_day: float
    budgets: tuple[PeriodBudget, ...]


def burning_of(connection: Connection, *, at: float) -> Burning:
    """Return how fast money and tokens went on the last full days, today left out."""
    today, since = day_of(at), day_of(at - LOOKED_AT_DAYS * DAY_S)
    by_day = totals_by(connection, "day", since=since)
    spent = {
        Good.USD: {day: one.nano_usd / NANO for day, one in by_day.items()},
        Good.TOKENS: {day: float(one.tokens) for day, one in by_day.items()},
    }
    rates = {good: burn(days, today=today, left=None) for good, days in spent.items()}
    budgets = []
    for one in read_budgets(connection):
        if one.scope not in PERIODS or one.good not in spent:
            continue
        spending = spent_on(connection, one.scope, at=at)
        gone = amount(spending.whole, one.good)
        left = max(0.0, one.most - gone)
        lasts = burn(spent[one.good], today=today, left=left)
        budgets.append(
            PeriodBudget(
                one.scope,
                one.good.value,
                one.most,
                gone,
                None if lasts is None else lasts.days_left,
                spending.is_estimated,
            )
        )
    usd, tokens = rates[Good.USD], rates[Good.TOKENS]
    days = 0 if usd is None else usd.days
    return Burning(days, _rate(usd), _rate(tokens), tuple(budgets))


def _rate(known: Burn | None) -> float:
    return 0.0 if known is None else known.per_day
