"""list: what there is, running first. Light."""

from __future__ import annotations

from kimi_swarm.actions.state import existing, keep_alive, reading
from kimi_swarm.core.row import Row
from kimi_swarm.core.totals import Totals
from kimi_swarm.store.notices import NoticeRow, notices_of
from kimi_swarm.store.totals import totals_of
from kimi_swarm.store.views import (
    RunRow,
    SessionRow,
    count_runs,
    recent_runs,
    run_row,
    sessions_of,
)

DEFAULT_LIMIT = 20


class Runs(Row):
    """The newest runs and how many there are in all."""

    runs: list[RunRow]
    total: int


class RunListing(Row):
    """One run with every session it had, in plan order; who is told of its end.

    `totals` are of what the sessions used that are over.
    """

    run: RunRow
    sessions: list[SessionRow]
    notices: list[NoticeRow]
    totals: Totals


def list_runs(home: str, *, limit: int = DEFAULT_LIMIT, owner: str = "") -> Runs:
    """Return running runs, then the newest others; only an owner's if one is given."""
    with reading(home) as connection:
        if connection is None:
            return Runs([], 0)
        keep_alive(home, connection)
        rows = recent_runs(connection, limit=limit, owner=owner)
        return Runs(rows, count_runs(connection, owner=owner))


def list_run(home: str, run: str) -> RunListing:
    """Return one run's sessions; raises UnknownRunError."""
    with existing(home, run) as connection:
        keep_alive(home, connection)
        sessions = sessions_of(connection, run)
        told = notices_of(connection, run)
        totals = totals_of(connection, run=run)
        return RunListing(run_row(connection, run), sessions, told, totals)
