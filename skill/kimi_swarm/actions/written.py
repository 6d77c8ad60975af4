"""What people wrote for all runs: prices, pools, budgets of days and months."""

from __future__ import annotations

from typing import NamedTuple

from kimi_swarm.config import known_at
from kimi_swarm.core.budget import Budget
from kimi_swarm.core.pool_rule import PoolRule
from kimi_swarm.core.prices import Prices
from kimi_swarm.price_lists import load_prices
from kimi_swarm.store.budgets import keep_standing_budgets
from kimi_swarm.store.database import Connection
from kimi_swarm.store.pools import keep_pools
from kimi_swarm.store.prices import keep_prices


class WrittenForAll(NamedTuple):
    """Prices, pools, and the budgets of days, months and pools."""

    prices: Prices
    pools: tuple[PoolRule, ...]
    budgets: tuple[Budget, ...]

    def keep(self, connection: Connection) -> None:
        """Let it hold from now on in place of what there was."""
        keep_prices(connection, self.prices)
        keep_pools(connection, self.pools)
        keep_standing_budgets(connection, self.budgets)


def read_written() -> WrittenForAll:
    """Read it again. Raises ManifestError, PlanFileError, PricesError."""
    manifest = known_at(None).manifest
    return WrittenForAll(
        load_prices(), manifest.pool_rules(), manifest.budgets.standing()
    )
