"""Two tables of prices as one: what a person wrote, and what the package brings."""

from __future__ import annotations

from typing import NamedTuple

from kimi_swarm.core.price import Price, price_of, usd_of
from kimi_swarm.core.usage import Tokens, nano


class Prices(NamedTuple):
    """Two tables: what the user wrote wins, however old it is."""

    own: tuple[Price, ...]
    standard: tuple[Price, ...]

    def price(self, model: str, day: str) -> Price | None:
        """Return a model's price on a day (`2026-11-20`), None if it is not known."""
        if not model:
            return None
        found = price_of(self.own, model, day=day)
        return found or price_of(self.standard, model, day=day)

    def cost(self, model: str, day: str, tokens: Tokens) -> int | None:
        """Return what tokens cost in billionths of a US dollar, None if not known."""
        price = self.price(model, day)
        if price is None:
            return None
        output = tokens.output + tokens.reasoning
        usd = usd_of(
            price, input_tokens=tokens.input, cached=tokens.cached, output=output
        )
        return nano(usd)
