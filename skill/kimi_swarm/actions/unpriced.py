"""Which models a budget of money refuses, as nobody knows what they cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kimi_swarm.core.budget import Budget, Good
from kimi_swarm.core.price_words import unpriced
from kimi_swarm.core.task import Task
from kimi_swarm.core.usage import day_of
from kimi_swarm.price_lists import load_prices
from kimi_swarm.process.clock import now


def unpriced_models(
    tasks: Sequence[Task], budgets: Iterable[Budget], gated: Collection[str]
) -> list[str]:
    """Say which of the models that tasks ask for have no price, but a budget of money.

    Only where requests are held one by one: there it would refuse them. A model that
    the worker chooses by itself is not known yet. Raises PricesError.
    """
    models = {
        task.recipe.model
        for task in tasks
        if task.recipe.model and task.recipe.profile in gated
    }
    if not models or not any(one.good is Good.USD for one in budgets):
        return []
    prices, today = load_prices(), day_of(now())
    # The provider knows it without the name that a worker's program puts before it.
    missing = [
        model
        for model in sorted(models)
        if not any(prices.price(name, today) for name in (model, _plain(model)))
    ]
    return [f"{unpriced(model)}, else its requests are refused." for model in missing]


def _plain(model: str) -> str:
    return model.partition("/")[2] or model
