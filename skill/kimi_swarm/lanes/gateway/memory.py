"""What the pools learnt and counted, kept over the gateway's lives.

A file holds it as it was a moment ago; what was sent since then is in the journal and
the store, and counted from there. So no limit is broken by a gateway that dies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import anyio

from kimi_swarm.core.pool_rule import host_of, pools_of, rule_from_data, rule_to_data
from kimi_swarm.lanes.gateway.asked import BYTES_PER_TOKEN
from kimi_swarm.lanes.gateway.queue import Queue
from kimi_swarm.location import gateway_pools_path
from kimi_swarm.process.clock import now, steady
from kimi_swarm.process.records import write_atomically
from kimi_swarm.store.database import StateError, open_database
from kimi_swarm.store.requests import RequestRow, requests_since

STEP_S = 1.0


class Memory:
    """Keeps what a queue's gate knows in a file of the state folder."""

    def __init__(self, home: str, queue: Queue) -> None:
        self._home = home
        self._path = gateway_pools_path(home)
        self._queue = queue
        self._gate = queue.gate

    def recall(self, left: Iterable[RequestRow]) -> None:
        """Let the gate go on where the last one was; `left` is of its journal."""
        try:
            with open(self._path, encoding="utf-8") as file:  # noqa: PTH123 a string
                kept = json.load(file)
            saved_at = float(kept["at"])
            self._queue.keep_to(tuple(map(rule_from_data, kept["rules"])))
            away_s = max(0.0, now() - saved_at)
            self._gate.load(kept["gate"], at_s=steady(), away_s=away_s)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # none was kept, or one of another release
        rows = {row.id: row for row in (*self._stored(saved_at), *left)}
        for row in rows.values():
            if row.began_at > saved_at and row.tries and row.pool and row.model:
                self._count(row)

    def save(self) -> None:
        """Write down what the gate knows now. Raises OSError."""
        kept = {
            "at": now(),
            "rules": list(map(rule_to_data, self._queue.rules)),
            "gate": self._gate.to_data(steady()),
        }
        write_atomically(self._path, kept)

    async def serve(self) -> None:
        """Save again and again until cancelled."""
        while True:
            await anyio.sleep(STEP_S)
            with suppress(OSError):  # the next time there may be room
                self.save()

    def _stored(self, since_at: float) -> list[RequestRow]:
        try:
            connection = open_database(self._home, create=False)
        except StateError:
            return []
        if connection is None:
            return []
        try:
            return requests_since(connection, since_at)
        finally:
            connection.close()

    def _count(self, row: RequestRow) -> None:
        """Count a request that the file does not know of yet."""
        at_s = steady() - max(0.0, now() - row.began_at)
        told = row.input_tokens is not None and row.output_tokens is not None
        used = (row.input_tokens or 0) + (row.output_tokens or 0)
        tokens = used if told else row.bytes_in // BYTES_PER_TOKEN
        # A row knows its provider's host: by that, rather too much is counted.
        rules = [replace(one, url=host_of(one.url)) for one in self._queue.rules]
        for name in pools_of(rules, row.pool, row.model, otherwise=row.pool):
            if (pool := self._gate.pools.get(name)) is not None:
                pool.send(row.id, tokens, at_s)
                pool.ended(row.id, used if told else None, at_s)
