"""Raising budgets of a run or task, so that what they held goes on."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from kimi_swarm.core.allowance import Hold, budget_amount, budget_words
from kimi_swarm.core.budget import Act, Budget, Good
from kimi_swarm.core.schedule import schedule
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.budgets import (
    amount,
    budgets_of,
    keep_budgets,
    spent_on,
)
from kimi_swarm.store.database import Connection
from kimi_swarm.store.moves import note
from kimi_swarm.store.snapshot import read_snapshot


class BudgetSpentError(SwarmError):
    """Raised when a budget is set to what was spent already, or less."""

    code = "budget_spent"

    def __init__(self, words: str) -> None:
        super().__init__(
            f"That is spent already: {words}.",
            remedy="Give more than what was spent.",
        )


class TaskBudgetError(SwarmError):
    """Raised when a task is to be given a budget that only a run has."""

    code = "task_budget"

    def __init__(self, good: Good) -> None:
        super().__init__(
            f"A task has no budget of {good}.", remedy="Name the run, not a task."
        )


def raise_budgets(
    connection: Connection,
    run: str,
    scope: str,
    wanted: Mapping[Good, float],
    *,
    at: float,
) -> None:
    """Set budgets of a scope (`run/calm-river`, `task/calm-river/header`).

    What they do when they are gone stays as it was. Inside the caller's transaction.
    Raises BudgetSpentError, TaskBudgetError.
    """
    known = {(one.scope, one.good): one for one in budgets_of(connection, run)}
    acts = [one.act for one in known.values()]
    act = acts[0] if acts else Act.STOP_STARTING
    spend, _, is_estimated = spent_on(connection, scope, at=at)
    budgets = [Budget(scope, good, most, act) for good, most in wanted.items()]
    for one in budgets:
        if one.good is Good.SESSIONS and scope.startswith("task/"):
            raise TaskBudgetError(one.good)
        spent = amount(spend, one.good)
        if spent >= one.most:
            raise BudgetSpentError(budget_words(one, spent, is_estimated=is_estimated))
    keep_budgets(connection, budgets)
    connection.execute("UPDATE runs SET warned = NULL WHERE id = ?", (run,))
    words = ", ".join(map(budget_amount, budgets))
    note(connection, run, None, "budget_raised", at, {"words": words})


def hold_again(connection: Connection, run: str, *, at: float) -> bool:
    """Write down what holds a run now that budgets are others; whether any does.

    Inside the caller's transaction. The supervisor would find the same; but whoever
    waits for the run is not to be told at once what holds it no more.
    """
    hold = _hold(connection, run, at=at)
    words, until_at = (None, None) if hold is None else hold
    connection.execute(
        "UPDATE runs SET held = ?, held_until_at = ? WHERE id = ? AND held IS NOT NULL",
        (words, until_at, run),
    )
    return hold is not None


def _hold(connection: Connection, run: str, *, at: float) -> Hold | None:
    """Return what the scheduler would say that holds a run."""
    seen = read_snapshot(connection, at=at, machine_cap=sys.maxsize, last_start_at={})
    return schedule(seen).held.get(run)
