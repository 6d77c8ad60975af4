"""Limits of pools as people write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.window import Measure, Window
from kimi_swarm.core.written import Written

Most = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
_PER_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}


class PoolTerms(Written):
    """What a person says that a pool bears; what is left out is found by trying.

    `start` is how many requests at once are tried first where `concurrency` is left
    out. `counts_asked`: the provider counts the tokens that a request may use at most,
    when it comes, not those that it used.
    """

    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    spacing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    requests_per_second: Most | None = None
    requests_per_minute: Most | None = None
    requests_per_hour: Most | None = None
    requests_per_day: Most | None = None
    tokens_per_second: Most | None = None
    tokens_per_minute: Most | None = None
    tokens_per_hour: Most | None = None
    tokens_per_day: Most | None = None
    counts_asked: bool = False
    start: Annotated[int, Field(ge=1, le=1000)] = 5
    adapts: bool = True

    def limits(self) -> PoolLimits:
        """Return them as the machine keeps them."""
        windows = tuple(
            Window(measure, most, per_s, self.counts_asked)
            for measure in Measure
            for unit, per_s in _PER_S.items()
            if (most := getattr(self, f"{measure}_per_{unit}")) is not None
        )
        return PoolLimits(
            self.concurrency,
            windows,
            self.spacing_s,
            start=self.start,
            adapts=self.adapts,
        )
