"""retry: do again only what is missing of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kimi_swarm.actions.conversation import can_go_on
from kimi_swarm.actions.notify import Notice
from kimi_swarm.actions.state import existing, passed_values
from kimi_swarm.actions.written import read_written
from kimi_swarm.core.names import is_session
from kimi_swarm.core.retry import CUT_OFF, Retry
from kimi_swarm.core.task import Task
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.clock import now
from kimi_swarm.process.detach import ensure_supervisor
from kimi_swarm.store.attempts import queue_retry
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.runs import open_run, tasks_of
from kimi_swarm.store.views import (
    SessionRow,
    latest_sessions,
    run_row,
    session_row,
)


class NotMissingError(SwarmError):
    """Raised when the one session that is to be tried again needs no other try."""

    code = "not_missing"

    def __init__(self, session: str, why: str) -> None:
        super().__init__(
            f"Session {session} cannot be tried again: {why}.",
            remedy="Run `list RUN` to see how each task stands.",
        )


class Retried(NamedTuple):
    """What a run does again, and what it leaves: done, or still at work.

    `owner` is the asker it belongs to.
    """

    run: str
    sessions: tuple[str, ...]
    kept: int
    still_live: int
    owner: str | None = None


def retry(home: str, scope: str, *, notice: Notice | None = None) -> Retried:
    """Queue another try of what did not end well: of a run's tasks, or one session's.

    What succeeded is kept, and what is at work is left alone. A task whose needs are
    tried again waits for them. `notice` says which host is told of the run's
    ends. What is written for all runs is read again. Raises UnknownRunError,
    UnknownSessionError, NotMissingError, ManifestError, PlanFileError, PricesError.
    """
    written = read_written()
    with existing(home, scope) as connection, transaction(connection):
        # Under the lock: of two at once the second finds nothing missing.
        run, rows = _looked_up(connection, scope)
        tasks = {task.name: task for task in tasks_of(connection, run)}
        missing = [row for row in rows if row.state == "done" and not row.is_fine]
        owner = run_row(connection, run).owner or None
        queued = _queue(connection, run, missing, tasks)
        if queued:
            written.keep(connection)
        if queued and notice is not None:
            notice.wish(connection, run)
    if queued:
        env = passed_values(tasks.values()) | (notice.env if notice else {})
        ensure_supervisor(home, run=run, env=env)
    live = sum(row.state != "done" for row in rows)
    return Retried(run, queued, len(rows) - len(missing) - live, live, owner)


def _looked_up(connection: Connection, scope: str) -> tuple[str, Sequence[SessionRow]]:
    """Return the run that is meant, and the last sessions of the tasks that are."""
    if not is_session(scope):
        return run_row(connection, scope).id, latest_sessions(connection, scope)
    row = session_row(connection, scope)
    last = [each for each in latest_sessions(connection, row.run) if each.id == scope]
    if not last:
        raise NotMissingError(scope, "a later one has taken over")
    if row.state != "done":
        raise NotMissingError(scope, "it is not over")
    if row.is_fine:
        why = "it succeeded" if row.outcome == "succeeded" else "it was not needed"
        raise NotMissingError(scope, why)
    return row.run, last


def _queue(
    connection: Connection,
    run: str,
    missing: Sequence[SessionRow],
    tasks: Mapping[str, Task],
) -> tuple[str, ...]:
    if not missing:
        return ()
    at = now()
    open_run(connection, run, at=at)
    return tuple(
        queue_retry(connection, row, task, _again(row, task), at=at)
        for row, task in ((row, tasks[row.task]) for row in missing)
    )


def _again(row: SessionRow, task: Task) -> Retry:
    """Go on where a session was cut off, if that can be; else begin anew."""
    is_there = os.path.isdir(row.workspace or "")  # noqa: PTH112 a string, one look
    resumes = row.reason in CUT_OFF and is_there and can_go_on(row, task)
    return Retry(delay_s=0.0, tries=1, resumes=resumes)
