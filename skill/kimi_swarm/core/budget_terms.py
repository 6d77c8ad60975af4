"""Budgets as people write them: of a run, a task, or of days, months and pools."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from kimi_swarm.core.budget import Act, Budget, Good
from kimi_swarm.core.written import Line, Written

_WRITTEN = (Good.TOKENS, Good.USD, Good.REQUESTS, Good.SESSIONS)


class TaskLimits(Written):
    """What all sessions of a task may use together; tokens, US dollars, requests."""

    tokens: Annotated[int, Field(ge=1, le=10**15)] | None = None
    usd: Annotated[float, Field(gt=0, le=10**9)] | None = None
    requests: Annotated[int, Field(ge=1, le=10**12)] | None = None

    def budgets(self, scope: str, act: Act = Act.STOP_STARTING) -> Iterator[Budget]:
        """Yield what is given as budgets of a scope."""
        for good in _WRITTEN:
            most = getattr(self, good, None)
            if most is not None:
                yield Budget(scope, good, float(most), act)


class PeriodLimits(TaskLimits):
    """What all runs may use together in each day or month; days are those of UTC.

    `sessions` are those that start, `wall_s` the seconds that they work, added up.
    """

    sessions: Annotated[int, Field(ge=1, le=10**12)] | None = None
    wall_s: Annotated[float, Field(gt=0, le=10**12)] | None = None
    at_limit: Annotated[Act, Field(strict=False)] = Act.STOP_STARTING

    def budgets(self, scope: str, act: Act = Act.STOP_STARTING) -> Iterator[Budget]:
        """Yield what is given as budgets of a scope."""
        yield from super().budgets(scope, act)
        # Not for a run: its own `wall_s` is how long it may take, by the clock.
        if self.wall_s is not None:
            yield Budget(scope, Good.WALL_S, self.wall_s, act)


class Per(StrEnum):
    """How long a pool's budget lasts."""

    DAY = "day"
    MONTH = "month"


class PoolLimits(PeriodLimits):
    """What all runs may use together of one pool in each day or month."""

    per: Annotated[Per, Field(strict=False)] = Per.MONTH


class StandingBudgets(Written):
    """What holds for all runs of a state folder together."""

    day: PeriodLimits = PeriodLimits()
    month: PeriodLimits = PeriodLimits()
    pools: dict[Line, PoolLimits] = Field(default_factory=dict)

    def standing(self) -> tuple[Budget, ...]:
        """Return what is given as budgets."""
        of_pools = (
            budget
            for name, one in self.pools.items()
            for budget in one.budgets(f"pool-{one.per}/{name}", one.at_limit)
        )
        return (
            *self.day.budgets("day", self.day.at_limit),
            *self.month.budgets("month", self.month.at_limit),
            *of_pools,
        )
