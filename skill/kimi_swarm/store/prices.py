"""What tokens cost here, kept beside what was used: whoever starts work writes it.

So the supervisor and the gateway need read no YAML, and agree.
"""

from __future__ import annotations

import sqlite3

from kimi_swarm.core.price import Price
from kimi_swarm.core.prices import Prices
from kimi_swarm.store.database import transaction

_COLUMNS = "model, since, input, output, cached, source"


def keep_prices(connection: sqlite3.Connection, prices: Prices) -> None:
    """Write prices down in place of those that were there."""
    if read_prices(connection) == prices:
        return
    rows = [(1, price) for price in prices.own]
    rows += [(0, price) for price in prices.standard]
    with transaction(connection):
        connection.execute("DELETE FROM prices")
        connection.executemany(
            f"INSERT INTO prices (is_own, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 our own names
            [
                (
                    own,
                    one.model,
                    one.since,
                    one.input,
                    one.output,
                    one.cached,
                    one.source,
                )
                for own, one in rows
            ],
        )


def read_prices(connection: sqlite3.Connection) -> Prices:
    """Return the prices that were written down last."""
    found = connection.execute(
        f"SELECT is_own, {_COLUMNS} FROM prices ORDER BY place"  # noqa: S608 as above
    ).fetchall()
    own = tuple(Price(*row) for is_own, *row in found if is_own)
    return Prices(own, tuple(Price(*row) for is_own, *row in found if not is_own))
