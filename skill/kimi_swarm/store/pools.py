"""What pools bear, as it was written: whoever starts work keeps it here.

So the supervisor and the gateway need read no YAML, and agree.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from kimi_swarm.core.pool_rule import PoolRule, rule_from_data, rule_to_data
from kimi_swarm.store.database import transaction


def keep_pools(connection: sqlite3.Connection, rules: Iterable[PoolRule]) -> None:
    """Write pools down in place of those that were there."""
    rules = tuple(rules)
    if read_pools(connection) == rules:
        return
    rows = [(rule.name, json.dumps(rule_to_data(rule))) for rule in rules]
    with transaction(connection):
        connection.execute("DELETE FROM pools")
        connection.executemany("INSERT INTO pools (name, data) VALUES (?, ?)", rows)


def read_pools(connection: sqlite3.Connection) -> tuple[PoolRule, ...]:
    """Return the pools that were written down last."""
    found = connection.execute("SELECT data FROM pools ORDER BY place")
    return tuple(rule_from_data(json.loads(data)) for (data,) in found)
