"""Budgets as they are set, and how each stands: what was spent on what it is for.

What a session used is its own row once it is over, and until then its requests; both
the supervisor and the gateway reckon here, so that they agree.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from kimi_swarm.core.allowance import Allowance
from kimi_swarm.core.budget import Act, Budget, Good, Spend
from kimi_swarm.core.prices import Prices
from kimi_swarm.core.totals import NANO
from kimi_swarm.core.usage import day_of
from kimi_swarm.store.budget_sums import (
    Scope,
    Sums,
    among,
    at_work_of,
    expected_of,
    live_of,
    scope_of,
    used_of,
)
from kimi_swarm.store.database import at_one_moment, transaction
from kimi_swarm.store.prices import read_prices

OF_A_RUN = ("run", "task")
PERIODS = {"day": "day", "month": "month", "pool-day": "day", "pool-month": "month"}


class Standing(NamedTuple):
    """All budgets of what runs, what was spent on their scopes, and the prices.

    What was spent on `estimated` scopes was in part counted by nobody.
    """

    budgets: tuple[Budget, ...]
    spent: Mapping[str, Spend]
    prices: Prices
    estimated: frozenset[str] = frozenset()


class Spent(NamedTuple):
    """What was spent on a scope, and how much of it by sessions at work.

    With `is_estimated` a part of it was counted by nobody.
    """

    whole: Spend
    live: Spend
    is_estimated: bool


def keep_budgets(connection: sqlite3.Connection, budgets: Iterable[Budget]) -> None:
    """Set or raise budgets, inside the caller's transaction or at once.

    What was told of them may be told again, and what they held goes on.
    """
    with transaction(connection):
        for one in budgets:
            connection.execute(
                "DELETE FROM budgets_told WHERE scope = ? AND good = ?",
                (one.scope, one.good.value),
            )
            connection.execute(
                "INSERT OR REPLACE INTO budgets (scope, good, most, act)"
                " VALUES (?, ?, ?, ?)",
                (one.scope, one.good.value, one.most, one.act.value),
            )


def keep_standing_budgets(
    connection: sqlite3.Connection, budgets: Iterable[Budget]
) -> None:
    """Write down the budgets of days, months and pools in place of those there were."""
    wanted = set(budgets)
    known = {one for one in read_budgets(connection) if _kind(one) not in OF_A_RUN}
    if known == wanted:
        return
    with transaction(connection):
        for gone in known - wanted:
            connection.execute(
                "DELETE FROM budgets WHERE scope = ? AND good = ?",
                (gone.scope, gone.good.value),
            )
        keep_budgets(connection, wanted - known)


def read_budgets(connection: sqlite3.Connection) -> list[Budget]:
    """Return every budget there is."""
    rows = connection.execute(
        "SELECT scope, good, most, act FROM budgets ORDER BY scope, good"
    )
    return [
        Budget(scope, Good(good), most, Act(act)) for scope, good, most, act in rows
    ]


def budgets_of(connection: sqlite3.Connection, run: str) -> list[Budget]:
    """Return the budgets of a run and of its tasks."""
    return [one for one in read_budgets(connection) if run_of(one) == run]


def count_of_tasks_with_budgets(connection: sqlite3.Connection, run: str) -> int:
    """Return how many tasks of a run have a budget of their own."""
    row = connection.execute(
        "SELECT count(DISTINCT scope) FROM budgets"
        " WHERE scope >= 'task/' || ?1 || '/' AND scope < 'task/' || ?1 || '0'",
        (run,),
    ).fetchone()
    return int(row[0])


def spent_on(connection: sqlite3.Connection, scope: str, *, at: float) -> Spent:
    """Return what was spent on a scope."""
    return _spent_on(connection, [scope], read_prices(connection), at=at)[scope]


def _spent_on(
    connection: sqlite3.Connection, scopes: Iterable[str], prices: Prices, *, at: float
) -> dict[str, Spent]:
    """Return what was spent on scopes, all as of one moment.

    A session that ends in between would be neither over nor at work.
    """
    with at_one_moment(connection):
        return {
            scope: _spent(connection, scope_of(scope, at), prices) for scope in scopes
        }


def _spent(connection: sqlite3.Connection, scope: Scope, prices: Prices) -> Spent:
    live = live_of(connection, scope, prices.cost).plus(at_work_of(connection, scope))
    whole = used_of(connection, scope).plus(live)
    return Spent(_spend(whole), _spend(live), whole.estimated_tokens > 0)


def _spend(sums: Sums) -> Spend:
    usd = sums.nano_usd / NANO
    wall_s = sums.wall_ms / 1000
    return Spend(sums.tokens, usd, sums.requests, wall_s, sums.sessions)


def standing(connection: sqlite3.Connection, *, at: float) -> Standing:
    """Return how all budgets stand that hold requests."""
    budgets = tuple(_in_force(connection))
    if not budgets:
        return Standing((), {}, Prices((), ()))
    prices = read_prices(connection)
    scopes = {one.scope for one in budgets}
    found = _spent_on(connection, scopes, prices, at=at)
    spent = {scope: each.whole for scope, each in found.items()}
    estimated = frozenset(scope for scope in scopes if found[scope].is_estimated)
    return Standing(budgets, spent, prices, estimated)


def read_allowances(
    connection: sqlite3.Connection, *, at: float, also: str = ""
) -> list[Allowance]:
    """Return how each budget stands that may keep sessions from starting.

    With those of one run `also` if that is over.
    """
    budgets = _in_force(connection, also)
    if not budgets:
        return []
    prices = read_prices(connection)
    spent = _spent_on(connection, {one.scope for one in budgets}, prices, at=at)
    return [
        Allowance(
            one,
            spent=amount(spent[one.scope].whole, one.good),
            live=amount(spent[one.scope].live, one.good),
            is_estimated=spent[one.scope].is_estimated,
            each=expected_of(connection, run_of(one), one.good),
            until_at=_anew_at(one, at),
            profiles=_profiles(connection, one),
        )
        for one in budgets
    ]


def amount(spend: Spend, good: Good) -> float:
    """Return how much of a good was spent; what has no price is not counted."""
    return float(getattr(spend, good.value) or 0)


def _in_force(connection: sqlite3.Connection, also: str = "") -> list[Budget]:
    """Return the budgets of runs that are not over, of one more, and of all runs."""
    budgets = read_budgets(connection)
    if not budgets:
        return []
    found = connection.execute("SELECT id FROM runs WHERE state = 'running'")
    running = {also} | {run for (run,) in found}
    return [one for one in budgets if run_of(one) in running or run_of(one) is None]


def _kind(budget: Budget) -> str:
    return budget.scope.partition("/")[0]


def run_of(budget: Budget) -> str | None:
    """Return the run that a budget is of, or of a task of; None for one of all runs."""
    kind, _, rest = budget.scope.partition("/")
    return rest.partition("/")[0] if kind in OF_A_RUN else None


def period_of(budget: Budget, at: float) -> str:
    """Return the day or month that a budget counts now, "" for one of a run."""
    length = {"day": 10, "month": 7}.get(PERIODS.get(_kind(budget), ""), 0)
    return day_of(at)[:length]


def _anew_at(budget: Budget, at: float) -> float | None:
    period = PERIODS.get(_kind(budget))
    if period is None:
        return None
    today = date.fromisoformat(day_of(at))
    next_day = today + timedelta(days=1)
    if period == "month":
        next_day = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(next_day, datetime.min.time(), UTC).timestamp()


def _profiles(connection: sqlite3.Connection, budget: Budget) -> frozenset[str] | None:
    """Return who is known to draw on a pool, None for a budget that is of no pool."""
    kind, _, pool = budget.scope.partition("/")
    if not kind.startswith("pool-"):
        return None
    found = connection.execute(
        f"SELECT profile FROM spent WHERE {among('pool')}"  # noqa: S608 our own words
        " UNION SELECT each.key FROM runs, json_each(runs.profiles) AS each"
        " WHERE runs.state = 'running' AND EXISTS (SELECT 1 FROM"
        " json_each(json_extract(each.value, '$.spends_on')) WHERE value = :pool)"
        " UNION SELECT profile FROM sessions WHERE id IN"
        f" (SELECT session FROM requests WHERE pool = :pool OR {among('pools')})",
        {"pool": pool},
    )
    return frozenset(profile for (profile,) in found)
