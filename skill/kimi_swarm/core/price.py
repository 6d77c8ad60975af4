"""What tokens cost: dated tables, one price for a model at a time; unknown stays so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of the models that a pattern matches.

    `model` is a pattern as for file names. It holds from the day `since` on
    (`2026-11-20`). `cached` is for input that the provider had in its cache; None: as
    input. `source` says in a sentence where the figures are from.
    """

    model: str
    since: str
    input: float
    output: float
    cached: float | None = None
    source: str = ""


def price_of(table: Sequence[Price], model: str, *, day: str) -> Price | None:
    """Return the price of a model on a day: the newest that holds, the first of equals.

    So what a person puts before the standard table wins on the same day.
    """
    held = [one for one in table if one.since <= day and fnmatchcase(model, one.model)]
    return max(held, key=lambda one: one.since, default=None)


def usd_of(price: Price, *, input_tokens: int, cached: int = 0, output: int) -> float:
    """Return what tokens cost; `cached` of the input tokens came from the cache."""
    cached_price = price.input if price.cached is None else price.cached
    fresh = max(0, input_tokens - cached)
    spent = fresh * price.input + cached * cached_price + output * price.output
    return spent / MILLION
