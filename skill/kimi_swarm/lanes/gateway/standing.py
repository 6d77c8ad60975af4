"""How pools stand, as a gateway tells it or has left it in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kimi_swarm.core.gate import Gate
from kimi_swarm.core.pool_room import PoolRoom, trouble
from kimi_swarm.core.redact import redacted
from kimi_swarm.lanes.gateway.memory import load
from kimi_swarm.lanes.gateway.queue import Queue
from kimi_swarm.location import gateway_pools_path

SAME_S = 5.0
"""Moments that are told so near each other are one."""


def room_of(
    told: Mapping[str, Any], at: float, before: PoolRoom | None = None
) -> PoolRoom:
    """Return how a pool stands by what `Queue.pools` told at this moment.

    `before` is how it stood when it was told last.
    """
    rests_s, closed, closed_s = told["rests_s"], told["closed"], told["closed_s"]
    rests_until_at = at + rests_s if rests_s else 0.0
    if before and abs(rests_until_at - before.rests_until_at) < SAME_S:
        rests_until_at = before.rests_until_at
    return PoolRoom(
        told["feeds"],
        rests_until_at,
        None if closed is None else redacted(closed),
        None if closed_s is None else at + closed_s,
        redacted(told["refusal"]),
    )


def troubles(home: str, at: float) -> list[str]:
    """Say of each pool that is closed, or sends nothing for long, that it is so."""
    queue = Queue(Gate({}))
    load(gateway_pools_path(home), queue)
    found = (
        trouble(name, room_of(told, at), at) for name, told in queue.pools().items()
    )
    return [sentence for sentence in found if sentence]
