"""What sessions used: written when they end, and added up by day for ever.

`usage` holds the parts of each session and goes with its run; `spent` holds their sums,
which stay. Both have the same columns, but for whose usage it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from kimi_swarm.core.session import Done
from kimi_swarm.core.usage import Origin, Part, day_of, unstarted
from kimi_swarm.store.views import SessionRow

KEYS = (
    *("day", "profile", "pool", "model", "outcome"),
    *("requests_from", "tokens_from", "usd_from"),
)
SUMS = (
    *("sessions", "unknown_requests", "unknown_tokens", "unknown_usd", "requests"),
    *("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"),
    *("nano_usd", "retries", "held_ms"),
)
_COLUMNS = ", ".join((*KEYS, *SUMS))
_ADD = (
    f"INSERT INTO spent ({_COLUMNS}) SELECT {_COLUMNS} FROM usage"  # noqa: S608 ours
    " WHERE run = ? AND session = ?"
    f" ON CONFLICT ({', '.join(KEYS)}) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)
)


def settle(
    connection: sqlite3.Connection,
    session: SessionRow,
    end: Done,
    parts: Sequence[Part],
) -> None:
    """Write what a session used, and add it to its day's sums.

    Inside the transaction in which it ends, which happens once. Of a session of which
    nobody says anything all is unknown, unless its worker never started.
    """
    day = day_of(end.ended_at)
    known = tuple(parts) or (Part(day),)
    if not parts and end.started_at is None:
        known = (unstarted(day),)
    names = ("run", "session", "part", *KEYS, *SUMS)
    connection.executemany(
        f"INSERT INTO usage ({', '.join(names)})"  # noqa: S608 our own names
        f" VALUES ({', '.join('?' * len(names))})",
        [
            (session.run, session.id, number, *_row(session, end, known, number))
            for number in range(len(known))
        ],
    )
    connection.execute(_ADD, (session.run, session.id))


def at_work(
    connection: sqlite3.Connection, run: str | None = None
) -> list[tuple[str, str, str]]:
    """Return session, run and profile of those that began and are not over."""
    found = connection.execute(
        "SELECT id, run, profile FROM sessions INDEXED BY sessions_busy"
        " WHERE state IN ('starting', 'running', 'stopping') AND ?1 IN (run, '')",
        (run or "",),
    )
    return found.fetchall()


def _row(
    session: SessionRow, end: Done, parts: Sequence[Part], number: int
) -> tuple[str | int, ...]:
    """Return the columns of one part; the first one stands for the session as such."""
    part, is_first = parts[number], number == 0
    origins = [
        [each.requests_from for each in parts],
        [each.tokens_from for each in parts],
        [each.usd_from for each in parts],
    ]
    return (
        *(part.day, session.profile, part.pool, part.model, end.outcome.value),
        *(part.requests_from, part.tokens_from, part.usd_from),
        int(is_first),
        *(int(is_first and Origin.UNKNOWN in each) for each in origins),
        *(part.requests, *part.tokens, part.nano_usd, part.retries, part.held_ms),
    )
