"""What a session used: requests, tokens and money, and how each of them is known.

A session's usage is a few parts, mostly one: what one model took on one day. Days are
`2026-11-20`, in UTC. Money is counted in billionths of a US dollar, so that sums are
exact in whatever order they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from kimi_swarm.core.output import UsageCounted
from kimi_swarm.core.totals import NANO


class Origin(StrEnum):
    """How a figure is known, the surest first; `unknown` figures are 0 and no figures.

    Measured by our gateway, told by the worker's own program, or estimated by us.
    """

    MEASURED = "measured"
    TOLD = "told"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class Tokens(NamedTuple):
    """Token counts: `cached` are part of `input`, `reasoning` are not of `output`."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.input + self.output + self.reasoning


class Part(NamedTuple):
    """What one model took on one day, through the same pools.

    `pool` names these, its provider's host first, each on a line; "" where that is not
    known.
    """

    day: str
    model: str = ""
    pool: str = ""
    requests: int = 0
    requests_from: Origin = Origin.UNKNOWN
    tokens: Tokens = Tokens()
    tokens_from: Origin = Origin.UNKNOWN
    nano_usd: int = 0
    usd_from: Origin = Origin.UNKNOWN
    retries: int = 0
    held_ms: int = 0


class Metered(NamedTuple):
    """Requests of a session that the gateway saw, of one model, pool and day.

    All of them have tokens, or none (None); and the same for what the provider said
    that they cost. `again` counts requests that were sent again, `held_ms` how long
    they were held back.
    """

    day: str
    model: str = ""
    pool: str = ""
    requests: int = 1
    tokens: Tokens | None = None
    nano_usd: int | None = None
    is_estimated: bool = False
    again: int = 0
    held_ms: int = 0


class Told(NamedTuple):
    """What a session's worker told of itself; `model` is "" where nobody named one."""

    counted: UsageCounted | None = None
    model: str = ""
    retries: int = 0


NOTHING_TOLD = Told()

Pricing = Callable[[str, str, Tokens], int | None]
"""Tells for a model, a day and tokens the billionths of a dollar, None if unknown."""


def nothing_priced(_model: str, _day: str, _tokens: Tokens) -> int | None:
    """Know no price."""
    return None


def unstarted(day: str) -> Part:
    """Return what a session used whose worker asked no model: nothing, for sure."""
    sure = Origin.MEASURED
    return Part(day, requests_from=sure, tokens_from=sure, usd_from=sure)


def day_of(at: float) -> str:
    """Return the day of a moment (seconds, Unix time), in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).date().isoformat()


def nano(usd: float) -> int:
    """Return US dollars in billionths."""
    return round(usd * NANO)


def used(
    metered: Sequence[Metered],
    told: Told,
    *,
    day: str,
    pricing: Pricing = nothing_priced,
    pool: str = "",
) -> tuple[Part, ...]:
    """Return what a session used: as the gateway measured it, else as its worker told.

    Never both: what was measured is what was told, seen from outside. `day` is that of
    its end, `pool` what its worker draws on. The program's own word on money is taken
    beside measured tokens only where it counted the same tokens.
    """
    if not metered:
        return (_as_told(told, day, pricing)._replace(pool=pool),)
    parts = measured(metered, pricing)
    parts[0] = parts[0]._replace(retries=parts[0].retries + told.retries)
    counted, sum_of = told.counted, _all_tokens(parts)
    is_bare = all(each.nano_usd is None for each in metered)
    if counted is not None and is_bare and _tokens_of(counted) == sum_of:
        cost = _told_cost(counted)
        return tuple(parts if cost is None else _sharing(parts, cost))
    return tuple(parts)


def measured(metered: Sequence[Metered], pricing: Pricing) -> list[Part]:
    """Return what the gateway measured, the part with most tokens first."""
    parts = [_as_measured(each, pricing) for each in metered]
    return sorted(parts, key=lambda part: part.tokens.total, reverse=True)


def _as_measured(metered: Metered, pricing: Pricing) -> Part:
    tokens, nano_usd = metered.tokens, metered.nano_usd
    usd_from = Origin.MEASURED
    if nano_usd is None and tokens is not None and not tokens.total:
        nano_usd = 0  # it was refused
    elif nano_usd is None and tokens is not None:
        nano_usd, usd_from = (
            pricing(metered.model, metered.day, tokens),
            Origin.ESTIMATED,
        )
    tokens_from = Origin.ESTIMATED if metered.is_estimated else Origin.MEASURED
    return Part(
        metered.day,
        metered.model,
        metered.pool,
        requests=metered.requests,
        requests_from=Origin.MEASURED,
        tokens=tokens or Tokens(),
        tokens_from=Origin.UNKNOWN if tokens is None else tokens_from,
        nano_usd=nano_usd or 0,
        usd_from=Origin.UNKNOWN if nano_usd is None else usd_from,
        retries=metered.again,
        held_ms=metered.held_ms,
    )


def _as_told(told: Told, day: str, pricing: Pricing) -> Part:
    counted = told.counted
    if counted is None:
        return Part(day, told.model, retries=told.retries)
    tokens, cost = _tokens_of(counted), _told_cost(counted)
    usd_from = Origin.TOLD
    if cost is None:
        cost, usd_from = pricing(told.model, day, tokens), Origin.ESTIMATED
    return Part(
        day,
        told.model,
        requests=counted.requests or 0,
        requests_from=Origin.UNKNOWN if counted.requests is None else Origin.TOLD,
        tokens=tokens,
        tokens_from=Origin.TOLD,
        nano_usd=cost or 0,
        usd_from=Origin.UNKNOWN if cost is None else usd_from,
        retries=told.retries,
    )


def _tokens_of(counted: UsageCounted) -> Tokens:
    return Tokens(*counted[:4])


def _told_cost(counted: UsageCounted) -> int | None:
    """Return what a program said that it cost.

    Programs that know no price of a model say 0: with tokens that is no word on money.
    """
    if not counted.cost_usd and _tokens_of(counted).total:
        return None
    return None if counted.cost_usd is None else nano(counted.cost_usd)


def _all_tokens(parts: Sequence[Part]) -> Tokens:
    each = [part.tokens for part in parts if part.tokens_from is Origin.MEASURED]
    return Tokens(*map(sum, zip(*each, strict=True))) if each else Tokens()


def _sharing(parts: Sequence[Part], cost: int) -> list[Part]:
    """Share out what a session cost by the tokens of its parts; nothing gets lost."""
    weights = [part.tokens.total for part in parts]
    left, weight_left = cost, sum(weights)
    shared = []
    for part, weight in zip(parts, weights, strict=True):
        own = left * weight // weight_left if weight_left else left
        shared.append(part._replace(nano_usd=own, usd_from=Origin.TOLD))
        left, weight_left = left - own, weight_left - weight
    return shared
