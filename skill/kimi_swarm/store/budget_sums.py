"""Sums that budgets are held against: of what is over, and of what is at work."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from kimi_swarm.core.budget import Good
from kimi_swarm.core.totals import NANO
from kimi_swarm.core.usage import Pricing, Tokens, day_of
from kimi_swarm.store.requests import CAME_OUT, IS_TOLD, WENT_IN

_TOKENS = "input_tokens + output_tokens + reasoning_tokens"
_AT_WORK = (
    "(SELECT id FROM sessions INDEXED BY sessions_busy"
    " WHERE state IN ('starting', 'running', 'stopping'))"
)


class Sums(NamedTuple):
    """What was used; money in billionths of a US dollar, time by all sessions together.

    Of the tokens `estimated_tokens` are those that nobody counted.
    """

    tokens: int = 0
    estimated_tokens: int = 0
    nano_usd: int = 0
    requests: int = 0
    sessions: int = 0
    wall_ms: int = 0

    def plus(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums(*(a + b for a, b in zip(self, other, strict=True)))


class Scope(NamedTuple):
    """What is added up: SQL for each table, and the values for it.

    `table` holds what is over: `usage` or, for whole days, `spent`. `sessions` are
    those to count: all of a run's or task's, else those at work.
    """

    table: str
    over: str
    requests: str
    sessions: str
    values: dict[str, object]


def scope_of(name: str, at: float) -> Scope:
    """Return what counts for a budget's scope at a moment."""
    kind, _, rest = name.partition("/")
    if kind in ("run", "task"):
        return _of_run(kind, rest)
    day = day_of(at)
    since, until = day, day
    if not kind.endswith("day"):
        since, until = f"{day[:7]}-01", f"{day[:7]}-31"
    days, requests = "day BETWEEN :since AND :until", _REQUESTS_OF_DAYS
    if kind.startswith("pool-"):
        days = f"{among('pool')} AND {days}"
        requests = f"(pool = :pool OR {among('pools')}) AND {requests}"
    sessions = f"id IN {_AT_WORK}"
    if kind.startswith("pool-"):
        sessions = f"{sessions} AND {_DRAWS_ON_POOL}"
    values = {"since": since, "until": until, "pool": rest}
    return Scope("spent", days, requests, sessions, {**values, "at": at})


_DRAWS_ON_POOL = (
    "EXISTS (SELECT 1 FROM tasks, json_each(tasks.data, '$.recipe.spends_on')"
    " WHERE tasks.run = sessions.run AND tasks.name = sessions.task AND value = :pool)"
)


def among(column: str) -> str:
    """Return SQL for whether `:pool` is one of the lines of a column."""
    return f"instr(char(10) || {column} || char(10), char(10) || :pool || char(10)) > 0"


_REQUESTS_OF_DAYS = (
    "began_at >= CAST(strftime('%s', :since) AS INTEGER)"
    " AND date(began_at, 'unixepoch') BETWEEN :since AND :until"
)


def _of_run(kind: str, rest: str) -> Scope:
    run, _, task = rest.partition("/")
    if kind == "run":
        mine = "run = :run"
        return Scope("usage", mine, mine, mine, {"run": run})
    sessions = "run = :run AND task = :task"
    mine = f"run = :run AND session IN (SELECT id FROM sessions WHERE {sessions})"  # noqa: S608 as below
    return Scope("usage", mine, mine, sessions, {"run": run, "task": task})


def used_of(connection: sqlite3.Connection, scope: Scope) -> Sums:
    """Return what sessions used that are over; sessions are all that ever began."""
    over = connection.execute(
        f"SELECT coalesce(sum({_TOKENS}), 0),"  # noqa: S608 our own words
        f" coalesce(sum({_TOKENS}) FILTER (WHERE tokens_from = 'estimated'), 0),"
        " coalesce(sum(nano_usd), 0), coalesce(sum(requests), 0),"
        " coalesce(sum(begun), 0), coalesce(sum(wall_ms), 0)"
        f" FROM {scope.table} WHERE {scope.over}",
        scope.values,
    ).fetchone()
    used = Sums._make(over)
    if scope.table == "spent":
        return used
    (begun,) = connection.execute(
        "SELECT count(*) FROM sessions"  # noqa: S608 as above
        f" WHERE {scope.sessions} AND (started_at IS NOT NULL OR state = 'starting')",
        scope.values,
    ).fetchone()
    return used._replace(sessions=begun)


def at_work_of(connection: sqlite3.Connection, scope: Scope) -> Sums:
    """Return how many sessions are at work, and for how long; of whole days only."""
    if scope.table != "spent":
        return Sums()
    sessions, wall_ms = connection.execute(
        "SELECT count(*),"  # noqa: S608 our own words
        " coalesce(sum(max(0, CAST((:at - started_at) * 1000 AS INTEGER))), 0)"
        f" FROM sessions WHERE {scope.sessions}",
        scope.values,
    ).fetchone()
    return Sums(sessions=sessions, wall_ms=wall_ms)


def live_of(connection: sqlite3.Connection, scope: Scope, pricing: Pricing) -> Sums:
    """Return what requests of sessions at work used so far."""
    found = connection.execute(
        f"""
        SELECT date(began_at, 'unixepoch') AS day, model, {IS_TOLD} AS is_told,
          count(*), sum({WENT_IN}), sum(cached_tokens), sum({CAME_OUT})
        FROM requests
        WHERE {scope.requests} AND model != '' AND tries > 0
          AND session IN {_AT_WORK}
        GROUP BY 1, 2, 3
        """,  # noqa: S608 our own words
        scope.values,
    )
    live = Sums()
    for day, model, is_told, requests, *sums in found:
        tokens = Tokens(*(one or 0 for one in sums))
        estimated = 0 if is_told else tokens.total
        cost = pricing(model, day, tokens) or 0
        live = live.plus(Sums(tokens.total, estimated, cost, requests))
    return live


def expected_of(
    connection: sqlite3.Connection, run: str | None, good: Good
) -> Mapping[str, float]:
    """Return by profile what a session is expected to use, where that is known.

    The mean of those of the run, else of all that were ever counted. Nothing is
    expected of those whose requests are held one by one, nor of those that have ended
    and told nothing: nothing can be reserved for them.
    """
    if good is Good.SESSIONS:
        return {}
    if good is Good.WALL_S:
        return _mean_wall_s(connection)
    column, origin = _COLUMNS[good]
    expected = dict.fromkeys(_gated(connection, run), 0.0)
    expected |= dict.fromkeys(_silent(connection, origin), 0.0)
    expected |= _means(connection, "spent", "1", column, origin)
    if run is not None:
        own = _means(connection, "usage", "run = :run", column, origin, run)
        expected |= own
    return expected


_COLUMNS = {
    Good.TOKENS: (_TOKENS, "tokens_from"),
    Good.USD: (f"nano_usd * 1.0 / {NANO}", "usd_from"),
    Good.REQUESTS: ("requests", "requests_from"),
}


def _means(
    connection: sqlite3.Connection,
    table: str,
    where: str,
    column: str,
    origin: str,
    run: str = "",
) -> dict[str, float]:
    rows = connection.execute(
        f"SELECT profile, sum({column}) * 1.0 / sum(sessions) FROM {table}"  # noqa: S608 our own words
        f" WHERE {where} AND {origin} != 'unknown'"
        f" GROUP BY profile HAVING sum(sessions) > 0 AND sum({column}) > 0",
        {"run": run},
    )
    return dict(rows.fetchall())


def _mean_wall_s(connection: sqlite3.Connection) -> dict[str, float]:
    rows = connection.execute(
        "SELECT profile, sum(wall_ms) / 1000.0 / sum(begun) FROM spent"
        " GROUP BY profile HAVING sum(begun) > 0"
    )
    return dict(rows.fetchall())


def _silent(connection: sqlite3.Connection, origin: str) -> list[str]:
    rows = connection.execute(
        f"SELECT DISTINCT profile FROM spent WHERE {origin} = 'unknown'"  # noqa: S608 our own words
    )
    return [profile for (profile,) in rows]


def _gated(connection: sqlite3.Connection, run: str | None) -> list[str]:
    """Return the profiles of runs whose requests are held one by one."""
    where = "runs.state = 'running'" if run is None else "runs.id = :run"
    rows = connection.execute(
        "SELECT DISTINCT each.key FROM runs, json_each(runs.profiles) AS each"  # noqa: S608 our own words
        f" WHERE {where} AND json_extract(each.value, '$.is_gated')",
        {"run": run},
    )
    return [profile for (profile,) in rows]
