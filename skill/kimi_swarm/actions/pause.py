"""pause and resume: let a run start nothing more, and let it start again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kimi_swarm.actions.raising import hold_again, raise_budgets
from kimi_swarm.actions.state import existing, passed_values
from kimi_swarm.actions.written import read_written
from kimi_swarm.core.budget import Good
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.clock import now
from kimi_swarm.process.detach import ensure_supervisor
from kimi_swarm.store.database import Connection, transaction
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
    with existing(home, run) as connection:
        _require_open(connection, run)
        is_changed = set_paused(connection, run, is_paused=True, at=now())
        return _stand(connection, run, is_paused=True, is_changed=is_changed)


def resume(
    home: str, scope: str, *, raised: Mapping[Good, float] | None = None
) -> Paused:
    """Let a paused run start sessions again, or one that a budget or a pool holds.

    `raised` are budgets to set in place of those of the run, or of its task. What is
    written for all runs is read again: budgets, pools and prices. Raises
    UnknownRunError, UnknownSessionError, RunOverError, BudgetSpentError,
    TaskBudgetError, ManifestError, PlanFileError, PricesError.
    """
    run = scope.partition("/")[0]
    with existing(home, run) as connection:
        _require_open(connection, run)
        written = read_written()
        with transaction(connection):
            written.keep(connection)
            if raised:
                _raise(connection, scope, raised)
            was_held = run_row(connection, run).held is not None
            is_changed = set_paused(connection, run, is_paused=False, at=now())
            # The pool is asked again at once, as somebody asks for it.
            lift_pool_hold(connection, run, at=now())
            is_held = hold_again(connection, run, at=now())
        is_changed |= bool(raised) or (was_held and not is_held)
        told = _stand(connection, run, is_paused=False, is_changed=is_changed)
        env = passed_values(tasks_of(connection, run))
    ensure_supervisor(home, run=run, env=env)
    return told


def _raise(connection: Connection, scope: str, raised: Mapping[Good, float]) -> None:
    run, _, task = scope.partition("/")
    name = f"run/{run}"
    if task:
        name = f"task/{run}/{session_row(connection, scope).task}"
    raise_budgets(connection, run, name, raised, at=now())


def _require_open(connection: Connection, run: str) -> None:
    if run_row(connection, run).state == "done":
        raise RunOverError(run)


def _stand(
    connection: Connection, run: str, *, is_paused: bool, is_changed: bool
) -> Paused:
    row = run_row(connection, run)
    states = [row.state for row in sessions_of(connection, run)]
    waiting = states.count("queued")
    at_work = len(states) - waiting - states.count("done")
    return Paused(
        run, is_paused, is_changed, at_work, waiting, row.held, row.owner or None
    )
