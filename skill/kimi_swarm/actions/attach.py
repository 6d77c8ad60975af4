"""attach: the command that puts a person into a worker's conversation."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple

from kimi_swarm.actions.send import NotResumableError
from kimi_swarm.actions.state import existing
from kimi_swarm.store.runs import task_of
from kimi_swarm.store.views import session_row


class Attachment(NamedTuple):
    """How to join: where, with which command, in which added environment."""

    session: str
    workspace: str
    argv: tuple[str, ...]
    env: dict[str, str]

    @property
    def line(self) -> str:
        """The same as one shell line."""
        return f"cd {shlex.quote(self.workspace)} && {shlex.join(self.argv)}"


def attach(home: str, session: str) -> Attachment:
    """Return how a person continues a session's conversation at a terminal.

    Raises UnknownSessionError, NotResumableError.
    """
    with existing(home, session) as connection:
        row = session_row(connection, session)
        recipe = task_of(connection, row.run, row.task).recipe
    if row.state != "done":
        raise NotResumableError(
            session,
            "it is still at work",
            remedy=f"Watch it: `log {session} --follow`.",
        )
    detail = json.loads(row.detail) if row.detail else {}
    conversation = detail.get("conversation")
    if not recipe.attach_argv or conversation is None or row.workspace is None:
        raise NotResumableError(session, "there is no conversation to join")
    argv = tuple(
        part.replace("{conversation}", conversation) for part in recipe.attach_argv
    )
    return Attachment(session, row.workspace, argv, dict(recipe.env_set))
