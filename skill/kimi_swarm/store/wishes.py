"""The few writes of light verbs: wishes to stop, and how far an asker has read."""

from __future__ import annotations

import sqlite3

from kimi_swarm.store.database import transaction


def wish_stop(
    connection: sqlite3.Connection, scope: str, cause: str, *, owner: str = ""
) -> list[str]:
    """Wish that a run, a session or (`*`) everything ends; return the sessions meant.

    With an `owner` everything is what belongs to that asker. Sessions that are over
    are left alone and not returned; the first cause stays.
    """
    clause, arguments = "id = ?" if "/" in scope else "run = ?", [scope]
    if scope == "*":
        owned = "run IN (SELECT id FROM runs WHERE owner = ?)"
        clause, arguments = (owned, [owner]) if owner else ("1", [])
    with transaction(connection):
        rows = connection.execute(
            "UPDATE sessions SET stop_wish = coalesce(stop_wish, ?)"  # noqa: S608 ours
            f" WHERE state != 'done' AND {clause}"
            " RETURNING id, place",
            (cause, *arguments),
        ).fetchall()
    return [session for session, _ in sorted(rows, key=lambda row: row[1])]


def move_cursor(
    connection: sqlite3.Connection, asker: str, scope: str, position: int
) -> None:
    """Remember how far an asker has read; never moves back."""
    with transaction(connection):
        connection.execute(
            "INSERT INTO cursors (asker, scope, position) VALUES (?, ?, ?)"
            " ON CONFLICT (asker, scope) DO UPDATE"
            " SET position = max(position, excluded.position)",
            (asker, scope, position),
        )
