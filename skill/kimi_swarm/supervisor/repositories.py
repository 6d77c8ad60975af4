"""The repositories that sessions work on, opened once."""

from __future__ import annotations

from pathlib import Path

from kimi_swarm.core.task import WorkspaceMode
from kimi_swarm.store.database import Connection
from kimi_swarm.store.runs import task_of
from kimi_swarm.store.views import SessionRow, repository_of
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository

_opened: dict[str, Repository] = {}
OPENED_AT_MOST = 200


async def opened_repository(root: str | None) -> Repository:
    """Open a run's repository; as long as it is there, git is asked only once."""
    known = _opened.get(root or "")
    if known is None or not known.common_dir.is_dir():
        known = await open_repository(Path(root or ""))
        if len(_opened) >= OPENED_AT_MOST:
            _opened.clear()  # each run may have a repository of its own
        _opened[root or ""] = known
    return known


async def repository_of_session(connection: Connection, row: SessionRow) -> Repository:
    """Return the repository that holds the commits of a session that is over."""
    task = task_of(connection, row.run, row.task)
    if task.workspace.mode is WorkspaceMode.FRESH:
        path = Path(row.workspace or "")
        return Repository(path, path / ".git")
    root, _ = repository_of(connection, row.run)
    return await opened_repository(root)
