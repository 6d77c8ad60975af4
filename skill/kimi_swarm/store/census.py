"""Who is known: every run and session by state, and the repositories they used."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from kimi_swarm.store.views import wants_supervisor


@dataclass(frozen=True, slots=True)
class Census:
    """States by id: `calm-river`, `calm-river/header.2`; repositories by root.

    `is_wanting` tells that there is something that only a supervisor can do.
    """

    runs: dict[str, str]
    sessions: dict[str, str]
    repos: tuple[str, ...]
    is_wanting: bool = False


def take_census(connection: sqlite3.Connection) -> Census:
    """Read it all from one moment."""
    connection.execute("BEGIN")
    try:
        runs = dict(connection.execute("SELECT id, state FROM runs"))
        sessions = dict(connection.execute("SELECT id, state FROM sessions"))
        repos = connection.execute(
            "SELECT DISTINCT repo FROM runs WHERE repo IS NOT NULL ORDER BY repo"
        )
        roots = tuple(repo for (repo,) in repos)
        return Census(runs, sessions, roots, wants_supervisor(connection))
    finally:
        connection.execute("ROLLBACK")
