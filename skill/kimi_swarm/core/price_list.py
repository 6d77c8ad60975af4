"""Prices as people write them: a list of dated lines, what comes first wins."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, field_validator

from kimi_swarm.core.price import Price
from kimi_swarm.core.written import Line, Written

PerMillion = Annotated[float, Field(ge=0, le=1_000_000, strict=False)]


class PriceLine(Written):
    """US dollars per million tokens of the models that a pattern matches."""

    model: Line
    since: Line
    input: PerMillion
    output: PerMillion
    cached: PerMillion | None = None
    source: Line | None = None

    @field_validator("since")
    @classmethod
    def _is_a_day(cls, text: str) -> str:
        if date.fromisoformat(text).isoformat() != text:
            raise ValueError("write a day as 2026-11-20")
        return text

    def price(self) -> Price:
        """Return it as the machine keeps it."""
        return Price(
            self.model,
            self.since,
            self.input,
            self.output,
            self.cached,
            self.source or "",
        )


class PriceList(Written):
    """The user's own `prices.yaml`."""

    prices: Annotated[tuple[PriceLine, ...], Field(strict=False)]
