"""Which runs budgets hold, and in which of these nothing works any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from kimi_swarm.store.moves import note


def set_held(
    connection: sqlite3.Connection,
    held: Mapping[str, tuple[str, float | None]],
    *,
    at: float,
) -> bool:
    """Write down which runs a budget holds now, and until when; whether that is new."""
    rows = connection.execute(
        "SELECT id, state, held, held_until_at FROM runs"
        " WHERE state = 'running' OR held IS NOT NULL"
    ).fetchall()
    changed = {
        (run, state): held.get(run, (None, None))
        for run, state, *known in rows
        if tuple(known) != held.get(run, (None, None))
    }
    for (run, state), (words, until_at) in changed.items():
        connection.execute(
            "UPDATE runs SET held = ?, held_until_at = ? WHERE id = ?",
            (words, until_at, run),
        )
        if words is not None:
            note(connection, run, None, "run_held", at, {"words": words})
        elif state == "running":  # one that is over starts nothing
            note(connection, run, None, "run_released", at, {})
    return bool(changed)


def note_stuck(connection: sqlite3.Connection, *, at: float) -> bool:
    """Write down which held runs became stuck: nothing of them works; whether any.

    Each is told once, until it is stuck no more (the schema's triggers see to that).
    """
    rows = connection.execute(
        "SELECT id, held FROM runs"
        " WHERE state = 'running' AND held IS NOT NULL AND stuck_seq IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_busy"
        "  WHERE run = runs.id AND state IN ('starting', 'running', 'stopping'))"
    ).fetchall()
    for run, words in rows:
        note(connection, run, None, "run_stuck", at, {"words": words})
    return bool(rows)
