"""send: go on with a worker's own conversation, in the same workspace."""

from __future__ import annotations

from typing import NamedTuple

from kimi_swarm.actions.conversation import can_go_on
from kimi_swarm.actions.state import existing
from kimi_swarm.core.names import parse_session
from kimi_swarm.core.repair import REPAIRS
from kimi_swarm.errors import SwarmError, UsageError
from kimi_swarm.location import session_folder
from kimi_swarm.process.clock import now
from kimi_swarm.process.detach import ensure_supervisor
from kimi_swarm.process.records import LaunchFiles
from kimi_swarm.process.terminal import type_answer
from kimi_swarm.store.attempts import queue_message
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.runs import open_run, task_of
from kimi_swarm.store.views import (
    SessionRow,
    latest_sessions,
    run_row,
    session_row,
)


class NotResumableError(SwarmError):
    """Raised when a session's worker cannot be spoken to again."""

    code = "cannot_resume"

    def __init__(self, session: str, why: str, *, remedy: str = "") -> None:
        super().__init__(
            f"Session {session} cannot be sent anything: {why}.",
            remedy=remedy or "Spawn a new task that says all it needs.",
        )


class Sent(NamedTuple):
    """A message that is on its way: the session that will answer it, and after which.

    `waits_for` names the session that has to end first, None when it is over already;
    `is_typed` is true when the message was typed at a live worker's terminal instead.
    `owner` is the asker that the run belongs to.
    """

    session: str
    waits_for: str | None
    is_typed: bool = False
    owner: str | None = None


def send(home: str, session: str, message: str) -> Sent:
    """Queue a message to a session's worker as a session of its own.

    It starts when the session has ended, in its workspace, with its conversation.
    Raises UnknownSessionError, NotResumableError, UsageError.
    """
    if not message.strip():
        raise UsageError("There is nothing to send: the message is empty.")
    with existing(home, session) as connection:
        row = session_row(connection, session)
        owner = run_row(connection, row.run).owner or None
        if row.state == "running" and _type(home, connection, row, message):
            return Sent(session, None, is_typed=True, owner=owner)
        with transaction(connection):
            # Under the lock: of two senders at once the second is to be told.
            row = session_row(connection, session)
            _refuse_unresumable(connection, row)
            open_run(connection, row.run, at=now())
            queued = queue_message(connection, row, message, at=now())
    ensure_supervisor(home)
    return Sent(queued, None if row.state == "done" else session, owner=owner)


def _type(home: str, connection: Connection, row: SessionRow, message: str) -> bool:
    """Type the message if the session's worker sits at a terminal."""
    if not task_of(connection, row.run, row.task).recipe.pty:
        return False
    ident = parse_session(row.id)
    folder = session_folder(home, ident.run, ident.slug)
    return any(
        type_answer(LaunchFiles(f"{folder}/{turn}"), message)
        for turn in reversed(("work", *REPAIRS))
    )


def _refuse_unresumable(connection: Connection, row: SessionRow) -> None:
    task = task_of(connection, row.run, row.task)
    if not task.recipe.resume_argv:
        why = f"profile {task.recipe.profile} cannot go on with a conversation"
        raise NotResumableError(row.id, why)
    for latest in latest_sessions(connection, row.run):
        if latest.task == row.task and latest.id != row.id:
            raise NotResumableError(
                row.id, "a later one has taken over", remedy=f"Send to {latest.id}."
            )
    if row.state == "done" and not can_go_on(row, task):
        raise NotResumableError(row.id, "its worker told no conversation id")
