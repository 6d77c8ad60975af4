"""Saying that a budget of money cannot be kept for want of a price."""

from __future__ import annotations

SHOWN_CHARS = 80
ADD_PRICES = "Add what the model costs to prices.yaml."
"""What helps, where there is no room for more."""
REMEDY = "Add its price to prices.yaml (see docs/limits.md), then `retry` the run."


def unpriced(model: str) -> str:
    """Say that nobody knows what a model costs, and what helps; without a full stop."""
    return f"Nobody knows what {_shown(model)} costs; add it to prices.yaml"


def refused_for_price(models: list[str]) -> str:
    """Say of a session why its requests were refused."""
    named = ", ".join(map(_shown, models))
    return (
        f"Its requests were refused: there is a budget of money, and nobody knows what"
        f" {named} costs."
    )


def _shown(model: str) -> str:
    """Return a model's name as a worker may have written it, short and on one line."""
    plain = "".join(c if c.isprintable() else "?" for c in model)
    return plain if len(plain) <= SHOWN_CHARS else f"{plain[: SHOWN_CHARS - 1]}…"
