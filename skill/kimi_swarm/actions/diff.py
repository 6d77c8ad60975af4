"""diff: what one session changed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import existing
from kimi_swarm.core.redact import redacted_lines, redactions
from kimi_swarm.core.task import WorkspaceMode
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.runs import task_of
from kimi_swarm.store.views import run_row, session_row
from kimi_swarm.workers.plain import plain
from kimi_swarm.workspace.changes import diff_text
from kimi_swarm.workspace.repository import open_repository

LIMIT_BYTES = 12_000


class NothingToCompareError(SwarmError):
    """Raised when a session has no commits of its own to show."""

    code = "nothing_to_compare"

    def __init__(self, session: str, why: str) -> None:
        super().__init__(
            f"Session {session} has nothing to compare: {why}.",
            remedy=f"Read what it did with `log {session}`.",
        )


class Diff(NamedTuple):
    """A bounded patch, and how many secrets were taken out of it."""

    text: str
    redacted: int


async def diff(home: str, session: str, *, limit_bytes: int = LIMIT_BYTES) -> Diff:
    """Return what a session committed since its base, as a bounded patch.

    Each of its lines stays on one line, whatever is in the files. Raises
    UnknownSessionError, NothingToCompareError, GitError.
    """
    with existing(home, session) as connection:
        row = session_row(connection, session)
        run = run_row(connection, row.run)
        mode = task_of(connection, row.run, row.task).workspace.mode
    if row.base is None:
        raise NothingToCompareError(session, "it works in no git workspace of its own")
    if row.head is None:
        raise NothingToCompareError(session, f"it is {row.state} and has no commit yet")
    root = row.workspace if mode is WorkspaceMode.FRESH else run.repo
    repo = await open_repository(Path(root or ""))
    text = await diff_text(repo, row.base, row.head, limit_bytes=limit_bytes)
    lines = [
        " ".join(plain(line.rstrip("\r")).split("\n")) for line in text.split("\n")
    ]
    clean = "\n".join(redacted_lines(lines, secrets_of(home, row.run)))
    return Diff(clean, redactions(text, clean))
