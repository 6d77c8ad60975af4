"""What the pools learnt and counted, kept over the gateway's lives.

A file holds it as it was a moment ago; what was sent since then is in the journal, and
counted from there. So no limit is broken by a gateway that dies.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import anyio

from kimi_swarm.core.pool_rule import host_of, pools_of, rule_from_data, rule_to_data
from kimi_swarm.lanes.gateway.journal import Left, Sending
from kimi_swarm.lanes.gateway.queue import Queue
from kimi_swarm.location import gateway_pools_path
from kimi_swarm.process.clock import now, steady
from kimi_swarm.process.records import write_atomically
from kimi_swarm.store.requests import RequestRow

STEP_S = 1.0


class Memory:
    """Keeps what a queue's gate knows in a file of the state folder.

    `saved` is told the moment of which each file is.
    """

    def __init__(self, home: str, queue: Queue, saved: Callable[[float], None]) -> None:
        self._path = gateway_pools_path(home)
        self._queue = queue
        self._gate = queue.gate
        self._saved = saved

    def recall(self, left: Left) -> None:
        """Let the gate go on where the last one was; `left` is of its journal."""
        saved_at = load(self._path, self._queue)
        if saved_at is None:
            return
        rows = {row.id: row for row in left.rows}
        for sending in left.sendings:
            row = rows.get(sending.sent)
            if sending.at > saved_at and row is not None and row.pool and row.model:
                self._count(row, sending)
        # Who dies before the next save must not forget what was counted just now.
        self.save()

    def save(self) -> None:
        """Write down what the gate knows now, if there is room for it."""
        at = now()
        kept = {
            "at": at,
            "rules": list(map(rule_to_data, self._queue.rules)),
            "gate": self._gate.to_data(steady()),
        }
        with suppress(OSError):  # the next time there may be room
            write_atomically(self._path, kept)
            self._saved(at)

    async def serve(self) -> None:
        """Save again and again until cancelled."""
        while True:
            await anyio.sleep(STEP_S)
            self.save()

    def _count(self, row: RequestRow, sending: Sending) -> None:
        """Count that a request was sent, of which the file does not know yet."""
        at_s = steady() - max(0.0, now() - sending.at)
        used = _used(row, sending)
        # A row knows its provider's host: by that, rather too much is counted.
        rules = [replace(one, url=host_of(one.url)) for one in self._queue.rules]
        for name in pools_of(rules, row.pool, row.model, otherwise=row.pool):
            if (pool := self._gate.pools.get(name)) is not None:
                pool.send(row.id, sending.tokens, at_s)
                pool.ended(row.id, used, at_s)


def load(path: str, queue: Queue) -> float | None:
    """Let a queue's gate know what a file tells; return of which moment that is.

    None if there was none, or one of another release.
    """
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 a string
            kept = json.load(file)
        saved_at = float(kept["at"])
        queue.keep_to(tuple(map(rule_from_data, kept["rules"])))
        away_s = max(0.0, now() - saved_at)
        queue.gate.load(kept["gate"], at_s=steady(), away_s=away_s)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return saved_at


def _used(row: RequestRow, sending: Sending) -> int | None:
    """Return the tokens that a sending used, None if nobody told."""
    if sending.tries < row.tries:
        return 0  # it was refused, and sent again
    if row.input_tokens is None or row.output_tokens is None:
        return None
    return row.input_tokens + row.output_tokens
