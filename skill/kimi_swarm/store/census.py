"""Who is known: every run and session by state, and the repositories they used."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Census:
    """States by id: `calm-river`, `calm-river/header.2`; repositories by root."""

    runs: dict[str, str]
    sessions: dict[str, str]
    repos: tuple[str, ...]


def take_census(connection: sqlite3.Connection) -> Census:
    """Read it all from one moment."""
    connection.execute("BEGIN")
    try:
        runs = dict(connection.execute("SELECT id, state FROM runs"))
        sessions = dict(connection.execute("SELECT id, state FROM sessions"))
        repos = connection.execute(
            "SELECT DISTINCT repo FROM runs WHERE repo IS NOT NULL ORDER BY repo"
        )
        return Census(runs, sessions, tuple(repo for (repo,) in repos))
    finally:
        connection.execute("ROLLBACK")
