"""pause and resume: let a run start nothing more, and let it start again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kimi_swarm.actions.raising import raise_budgets
from kimi_swarm.actions.state import existing, passed_values
from kimi_swarm.core.budget import Good
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.clock import now
from kimi_swarm.process.detach import ensure_supervisor
from kimi_swarm.store.database import transaction
from kimi_swarm.store.pool_holds import lift_pool_hold
from kimi_swarm.store.runs import set_paused, tasks_of
from kimi_swarm.store.views import run_row, session_row, sessions_of


class RunOverError(SwarmError):
    """Raised when a run that is to be paused or resumed is over."""

    code = "run_over"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"Run {run} is over; there is nothing to pause or resume.",
            remedy=f"`retry {run}` does again what failed.",
        )


class Paused(NamedTuple):
    """A run that was paused or resumed: what works on, and what waits.

    `is_changed` is false where it stood so already; `held` is the budget that still
    keeps it from starting more. `owner` is the asker it belongs to.
    """

    run: str
    is_paused: bool
    is_changed: bool
    at_work: int
    waiting: int
    held: str | None = None
    owner: str | None = None


def pause(home: str, run: str) -> Paused:
    """Let a run start nothing more; what is at work goes on to its end.

    A run's time limit goes on counting. Raises UnknownRunError, RunOverError.
    """
    return _set(home, run, is_paused=True)


def resume(
    home: str, scope: str, *, raised: Mapping[Good, float] | None = None
) -> Paused:
    """Let a paused run start sessions again, or one that a budget or a pool holds.

    `raised` are budgets to set in place of those of the run, or of its task. Raises
    UnknownRunError, UnknownSessionError, RunOverError, BudgetSpentError,
    TaskBudgetError.
    """
    if not raised:
        return _set(home, scope, is_paused=False)
    run = scope.partition("/")[0]
    with existing(home, run) as connection, transaction(connection):
        kind = "task" if "/" in scope else "run"
        if run_row(connection, run).state == "done":
            raise RunOverError(run)
        if kind == "task":
            task = session_row(connection, scope).task
            scope = f"{run}/{task}"
        raise_budgets(connection, run, f"{kind}/{scope}", raised, at=now())
    return _set(home, run, is_paused=False, is_raised=True)


def _set(home: str, run: str, *, is_paused: bool, is_raised: bool = False) -> Paused:
    with existing(home, run) as connection:
        if run_row(connection, run).state == "done":
            raise RunOverError(run)
        is_changed = set_paused(connection, run, is_paused=is_paused, at=now())
        is_changed = is_changed or is_raised
        if not is_paused:
            # The pool is asked again at once, as somebody asks for it.
            with transaction(connection):
                is_lifted = lift_pool_hold(connection, run, at=now())
            is_changed = is_changed or is_lifted
        row = run_row(connection, run)
        states = [row.state for row in sessions_of(connection, run)]
        env = passed_values(tasks_of(connection, run))
    if not is_paused:
        ensure_supervisor(home, run=run, env=env)
    waiting = states.count("queued")
    at_work = len(states) - waiting - states.count("done")
    return Paused(
        run, is_paused, is_changed, at_work, waiting, row.held, row.owner or None
    )
