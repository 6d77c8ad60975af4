"""What sessions used: written when they end, and added up by day for ever.

`usage` holds the parts of each session and goes with its run; `spent` holds their sums,
which stay. Both have the same columns, but for whose usage it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from kimi_swarm.core.session import Done
from kimi_swarm.core.usage import Origin, Part, Tokens, day_of, unstarted
from kimi_swarm.store.views import SessionRow

KEYS = (
    *("day", "profile", "pool", "model", "outcome"),
    *("requests_from", "tokens_from", "usd_from"),
)
SUMS = (
    *("sessions", "unknown_requests", "unknown_tokens", "unknown_usd", "requests"),
    *("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"),
    *("nano_usd", "retries", "held_ms", "begun", "wall_ms"),
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
    work = _Work()
    if end.started_at is not None:
        # A clock may have been set back meanwhile.
        wall_s = max(0.0, end.ended_at - end.started_at)
        work = _Work(1, round(wall_s * 1000))
    whose = _Whose(session.id, session.profile, end.outcome.value)
    _write(connection, whose, known, work)


def settle_late(
    connection: sqlite3.Connection, session: str, parts: Sequence[Part]
) -> None:
    """Add what was measured of a session only after it was settled.

    It stands in for what its worker told, if that was all there was: never both.
    """
    found = connection.execute(
        "SELECT profile, outcome FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    whose = _Whose(session, *found)
    before = _parts(connection, whose)
    kept = [one for one in before if one.requests_from is Origin.MEASURED]
    retries = sum(one.retries for one in before if one not in kept)
    known = [*kept, *parts]
    known[0] = known[0]._replace(retries=known[0].retries + retries)
    work = connection.execute(
        "SELECT coalesce(sum(begun), 0), coalesce(sum(wall_ms), 0) FROM usage"
        " WHERE run = ? AND session = ?",
        whose.key,
    ).fetchone()
    _withdraw(connection, whose)
    _write(connection, whose, known, _Work(*work))


class _Work(NamedTuple):
    """Whether a session's worker began, 1 or 0, and how long it worked."""

    begun: int = 0
    wall_ms: int = 0


class _Whose(NamedTuple):
    """The session whose usage it is, and what it is added up by."""

    session: str
    profile: str
    outcome: str

    @property
    def key(self) -> tuple[str, str]:
        """What its rows in `usage` are found by."""
        return self.session.partition("/")[0], self.session


def _write(
    connection: sqlite3.Connection,
    whose: _Whose,
    parts: Sequence[Part],
    work: _Work,
) -> None:
    names = ("run", "session", "part", *KEYS, *SUMS)
    connection.executemany(
        f"INSERT INTO usage ({', '.join(names)})"  # noqa: S608 our own names
        f" VALUES ({', '.join('?' * len(names))})",
        [
            (
                *(*whose.key, number, *_row(whose, parts, number)),
                *(_Work() if number else work),
            )
            for number in range(len(parts))
        ],
    )
    connection.execute(_ADD, whose.key)


def _parts(connection: sqlite3.Connection, whose: _Whose) -> list[Part]:
    """Return a session's parts as they were written."""
    rows = connection.execute(
        "SELECT day, model, pool, requests, requests_from, input_tokens,"
        " cached_tokens, output_tokens, reasoning_tokens, tokens_from, nano_usd,"
        " usd_from, retries, held_ms FROM usage WHERE run = ? AND session = ?"
        " ORDER BY part",
        whose.key,
    )
    return [
        Part(
            *(*one[:4], Origin(one[4]), Tokens(*one[5:9]), Origin(one[9])),
            *(one[10], Origin(one[11]), *one[12:]),
        )
        for one in rows
    ]


def _withdraw(connection: sqlite3.Connection, whose: _Whose) -> None:
    """Take what a session used out of its rows and of the sums of its days."""
    rows = connection.execute(
        f"SELECT {', '.join((*SUMS, *KEYS))} FROM usage"  # noqa: S608 our own names
        " WHERE run = ? AND session = ?",
        whose.key,
    ).fetchall()
    own = " AND ".join(f"{name} = ?" for name in KEYS)
    less = ", ".join(f"{name} = {name} - ?" for name in SUMS)
    connection.executemany(f"UPDATE spent SET {less} WHERE {own}", rows)  # noqa: S608 as above
    empty = " AND ".join(f"{name} = 0" for name in SUMS)
    connection.executemany(
        f"DELETE FROM spent WHERE {own} AND {empty}",  # noqa: S608 as above
        [row[len(SUMS) :] for row in rows],
    )
    connection.execute("DELETE FROM usage WHERE run = ? AND session = ?", whose.key)


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


def _row(whose: _Whose, parts: Sequence[Part], number: int) -> tuple[str | int, ...]:
    """Return the columns of one part; the first one stands for the session as such."""
    part, is_first = parts[number], number == 0
    origins = [
        [each.requests_from for each in parts],
        [each.tokens_from for each in parts],
        [each.usd_from for each in parts],
    ]
    return (
        *(part.day, whose.profile, part.pool, part.model, whose.outcome),
        *(part.requests_from, part.tokens_from, part.usd_from),
        int(is_first),
        *(int(is_first and Origin.UNKNOWN in each) for each in origins),
        *(part.requests, *part.tokens, part.nano_usd, part.retries, part.held_ms),
    )
