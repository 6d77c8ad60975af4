"""Runs that a pool holds which sends nothing for long: a person may let them go on."""

from __future__ import annotations

import sqlite3

from kimi_swarm.store.moves import note


def lift_pool_hold(connection: sqlite3.Connection, run: str, *, at: float) -> bool:
    """Let a run be held by no pool any more; whether it was.

    If the pool still takes nothing it is held again. Inside the caller's transaction.
    """
    # As core/pool_room.py words it; what a budget holds begins otherwise.
    found = connection.execute(
        "UPDATE runs SET held = NULL, held_until_at = NULL"
        " WHERE id = ? AND held LIKE 'pool %'",
        (run,),
    )
    if found.rowcount:
        note(connection, run, None, "run_released", at, {})
    return bool(found.rowcount)
