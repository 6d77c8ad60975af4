"""What is said before anything starts of models that nobody knows the price of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.runs import a_recipe, a_task
from kimi_swarm.actions.unpriced import unpriced_models
from kimi_swarm.core.budget import Budget, Good

MONEY, TOKENS = Budget("day", Good.USD, 1.0), Budget("day", Good.TOKENS, 1.0)


@pytest.mark.parametrize(
    ("model", "budget", "gated", "told"),
    [
        ("nobody/knows-it", MONEY, True, True),
        ("nobody/knows-it", TOKENS, True, False),
        ("nobody/knows-it", MONEY, False, False),
        ("moonshot/kimi-k2.6", MONEY, True, False),
        ("kimi-k2.6", MONEY, True, False),
        (None, MONEY, True, False),
    ],
)
def test_it_is_said_where_the_model_is_known_and_its_requests_are_held(
    model: str | None, budget: Budget, *, gated: bool, told: bool
):
    task = a_task("a", recipe=replace(a_recipe("kilo"), model=model))
    found = unpriced_models([task], [budget], ["kilo"] if gated else [])
    missing = "Nobody knows what nobody/knows-it costs; add it to prices.yaml"
    assert found == ([f"{missing}, else its requests are refused."] if told else [])
