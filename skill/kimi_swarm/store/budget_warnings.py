"""Telling runs of budgets that are nearly gone, and that they are: each run once.

What a run is told is an event of its own; how its budgets stand now is in `warned`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kimi_swarm.core.allowance import Allowance
from kimi_swarm.store.budgets import period_of, read_allowances, run_of
from kimi_swarm.store.moves import note


class _Hearer(NamedTuple):
    """A run that is told, its profiles, and what stands in its `warned`."""

    run: str
    profiles: frozenset[str]
    warned: str | None
    is_over: bool


def warn(
    connection: sqlite3.Connection, allowances: Sequence[Allowance], *, at: float
) -> bool:
    """Tell the runs that are not over of what is nearly gone; whether that is news.

    Inside the caller's transaction, as all of these.
    """
    return _warn(connection, "state = 'running'", "", allowances, at=at)


def warn_run(connection: sqlite3.Connection, run: str, *, at: float) -> str | None:
    """Tell one run alone how budgets stand, as it begins or ends; return it in words.

    Of a run that is over its own budgets stay told: those of all runs go on.
    """
    allowances = read_allowances(connection, at=at, also=run)
    _warn(connection, "id = ?", run, allowances, at=at)
    (warned,) = connection.execute(
        "SELECT warned FROM runs WHERE id = ?", (run,)
    ).fetchone()
    return str(warned) if warned is not None else None


def _warn(
    connection: sqlite3.Connection,
    which: str,
    run: str,
    allowances: Sequence[Allowance],
    *,
    at: float,
) -> bool:
    pressing = [one for one in allowances if one.share]
    has_news = False
    for hearer in _hearers(connection, which, run):
        heard = [one for one in pressing if _concerns(one, hearer)]
        for one in heard:
            has_news |= _tell_once(connection, hearer.run, one, at)
        words = _words(heard, hearer)
        if words != hearer.warned:
            connection.execute(
                "UPDATE runs SET warned = ? WHERE id = ?", (words, hearer.run)
            )
            has_news = True
    return has_news


def _hearers(connection: sqlite3.Connection, which: str, run: str) -> list[_Hearer]:
    found = connection.execute(
        f"SELECT id, profiles, warned, state = 'done' FROM runs WHERE {which}",  # noqa: S608 our own words
        (run,) if run else (),
    )
    return [
        _Hearer(name, frozenset(json.loads(profiles)), warned, bool(is_over))
        for name, profiles, warned, is_over in found.fetchall()
    ]


def _concerns(allowance: Allowance, hearer: _Hearer) -> bool:
    own = run_of(allowance.budget)
    if own is not None:
        return own == hearer.run
    return allowance.profiles is None or bool(allowance.profiles & hearer.profiles)


def _words(heard: Iterable[Allowance], hearer: _Hearer) -> str | None:
    """Say how a run's budgets stand, its own first."""
    own = [one for one in heard if run_of(one.budget) is not None]
    others = [one for one in heard if run_of(one.budget) is None]
    told = own if hearer.is_over else [*own, *others]
    return "; ".join(one.words() for one in told) or None


def _tell_once(
    connection: sqlite3.Connection, run: str, allowance: Allowance, at: float
) -> bool:
    """Tell a run of a budget unless it knows; once more only when it is gone."""
    budget = allowance.budget
    key = (run, budget.scope, budget.good.value, period_of(budget, at))
    told = connection.execute(
        "SELECT share FROM budgets_told"
        " WHERE run = ? AND scope = ? AND good = ? AND period = ?",
        key,
    ).fetchone()
    if told is not None and told[0] >= allowance.share:
        return False
    connection.execute(
        "INSERT OR REPLACE INTO budgets_told (run, scope, good, period, share)"
        " VALUES (?, ?, ?, ?, ?)",
        (*key, allowance.share),
    )
    data = {
        "words": allowance.words(),
        "scope": budget.scope,
        "good": budget.good.value,
        "most": budget.most,
        "spent": allowance.spent,
        "act": budget.act.value,
    }
    name = "budget_gone" if allowance.is_gone else "budget_warned"
    note(connection, run, None, name, at, data)
    return True
