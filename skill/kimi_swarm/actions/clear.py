"""clear: forget a finished run and remove its workspaces, losing no work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kimi_swarm.actions.sizes import cleared_bytes, salvaged_bytes
from kimi_swarm.actions.state import existing
from kimi_swarm.core.names import (
    SessionId,
    merged_branch,
    parse_session,
    salvage_branch,
)
from kimi_swarm.core.task import WorkspaceMode
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import run_folder, salvage_folder, workspace_folder
from kimi_swarm.process.command import FolderMissingError
from kimi_swarm.store.runs import delete_run, tasks_of
from kimi_swarm.store.views import RunRow, SessionRow, run_row, sessions_of
from kimi_swarm.workspace.branches import (
    delete_branch,
    find_branch,
    is_contained,
    rename_branch,
)
from kimi_swarm.workspace.errors import NotARepositoryError
from kimi_swarm.workspace.folders import delete_folder
from kimi_swarm.workspace.repository import is_blank, open_repository
from kimi_swarm.workspace.salvage import remove_worktree
from kimi_swarm.workspace.tree import Repository, Worktree


class RunLiveError(SwarmError):
    """Raised when a run that is to be cleared is not over."""

    code = "run_live"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"Run {run} is still running; nothing was cleared.",
            remedy=f"Wait for it (`wait {run}`) or end it (`kill {run}`) first.",
        )


class UnmergedWorkError(SwarmError):
    """Raised when clearing would take away work that is nowhere else."""

    code = "unmerged_work"

    def __init__(self, run: str, places: Sequence[str]) -> None:
        self.places = tuple(places)
        shown = ", ".join(places[:5]) + (" …" if len(places) > 5 else "")  # noqa: PLR2004 as shown
        super().__init__(
            f"Run {run} holds work merged nowhere: {shown}; nothing was cleared.",
            remedy=f"Look at it with `diff`; `aggregate {run} --merge` merges what "
            f"succeeded; `clear {run} --force` keeps the rest on swarm-salvage/ "
            "branches or in the folder `salvage`.",
        )


@dataclass(slots=True)
class Cleared:
    """What clearing a run removed, what it kept and where, and the room it gave."""

    run: str
    removed: int = 0
    kept: list[str] = field(default_factory=list)
    freed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """One session's workspace, and whether it holds work that is nowhere else.

    `head` is where its branch led when it was looked at.
    """

    row: SessionRow
    mode: WorkspaceMode
    path: Path
    has_only_copy: bool
    head: str | None = None

    @property
    def id(self) -> SessionId:
        return parse_session(self.row.id)


async def clear(
    home: str, run: str, *, is_forced: bool = False, is_dry: bool = False
) -> Cleared:
    """Remove a finished run: workspaces, merged branches, logs, records.

    Work that is merged nowhere needs `is_forced`, and then moves to a salvage branch,
    or to the salvage folder where no repository can hold it.
    The run's merged branch stays until it is in the user's own. With `is_dry` nothing
    is changed, and what would go is returned. Raises RunLiveError, UnmergedWorkError,
    UnknownRunError.
    """
    with existing(home, run) as connection:
        row = run_row(connection, run)
        if row.state != "done":
            raise RunLiveError(run)
        repo = await _repository(row)
        modes = {task.name: task.workspace.mode for task in tasks_of(connection, run)}
        places = [
            await _look(home, row, session, modes[session.task], repo)
            for session in sessions_of(connection, run)
            # One that followed another worked in its place, which has one owner.
            if session.follows is None
        ]
        precious = [place for place in places if place.has_only_copy]
        if precious and not is_forced:
            names = [place.row.branch or str(place.path) for place in precious]
            raise UnmergedWorkError(run, names)
        taken_bytes = cleared_bytes(home, run)
        if is_dry:
            return _foreseen(run, places, taken_bytes)
        cleared = Cleared(run)
        saved_bytes = salvaged_bytes(home, run)
        for place in places:
            await _remove(home, place, repo, cleared)
        await _finish(home, row, repo, cleared)
        delete_run(connection, run)
    moved_bytes = salvaged_bytes(home, run) - saved_bytes
    cleared.freed_bytes = max(0, taken_bytes - moved_bytes)
    return cleared


def _foreseen(run: str, places: Sequence[_Place], taken_bytes: int) -> Cleared:
    """Say what clearing would do; what is kept on branches takes no room here."""
    there = [place for place in places if place.path.is_dir()]
    kept = [f"the work of {place.row.id}" for place in places if place.has_only_copy]
    return Cleared(run, len(there), kept, taken_bytes)


async def _repository(run: RunRow) -> Repository | None:
    if run.repo is None:
        return None
    try:
        return await open_repository(Path(run.repo))
    except (NotARepositoryError, FolderMissingError):
        return None


async def _look(
    home: str,
    run: RunRow,
    row: SessionRow,
    mode: WorkspaceMode,
    repo: Repository | None,
) -> _Place:
    ident = parse_session(row.id)
    path = Path(workspace_folder(home, ident.run, ident.slug))
    if mode is WorkspaceMode.SHARED:
        return _Place(row, mode, path, has_only_copy=False)
    if mode is WorkspaceMode.FRESH and path.is_dir():  # noqa: ASYNC240 one look
        repo = await open_repository(path)
    elif mode is not WorkspaceMode.WORKTREE or repo is None:
        is_filled = path.is_dir() and any(path.iterdir())  # noqa: ASYNC240 one look
        return _Place(row, mode, path, is_filled)
    # Not the head that was recorded: somebody may have gone on with the work.
    branch = None if row.branch is None else await find_branch(repo, row.branch)
    if branch is None or branch.head == row.base:
        return _Place(row, mode, path, has_only_copy=False, head=row.base)
    is_only = True
    if mode is WorkspaceMode.WORKTREE:
        elsewhere = (merged_branch(run.id), "HEAD")
        is_only = not await is_contained(repo, branch.name, elsewhere)
    return _Place(row, mode, path, is_only, branch.head)


async def _remove(
    home: str, place: _Place, repo: Repository | None, cleared: Cleared
) -> None:
    if place.mode is WorkspaceMode.WORKTREE and repo is not None:
        await _remove_tree(place, repo, cleared)
    elif place.mode is WorkspaceMode.SHARED or not place.path.is_dir():
        return
    elif place.mode is WorkspaceMode.FRESH:
        await _remove_fresh(home, place, cleared)
    else:
        if place.has_only_copy:
            kept = _keep(home, place.id.run, place.path)
            cleared.kept.append(f"folder {kept}")
        await delete_folder(place.path)
        cleared.removed += 1


def _keep(home: str, run: str, path: Path) -> Path:
    """Move what no branch can hold out of the folders that are removed."""
    goal = Path(salvage_folder(home, run), path.name)
    goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.rename(goal)


async def _remove_fresh(home: str, place: _Place, cleared: Cleared) -> None:
    repo = await open_repository(place.path)
    tree = Worktree(repo, place.path, place.row.branch or "", place.row.base or "")
    goal = Path(salvage_folder(home, place.id.run), f"{place.path.name}.bundle")
    saved = await remove_worktree(tree, salvage=salvage_branch(place.id), bundle=goal)
    cleared.removed += 1
    if saved is not None and saved.bundle is not None:
        cleared.kept.append(f"git bundle {saved.bundle}")


async def _remove_tree(place: _Place, repo: Repository, cleared: Cleared) -> None:
    row, salvage = place.row, salvage_branch(place.id)
    if row.branch is None or row.base is None:
        return
    tree = Worktree(repo, place.path, row.branch, row.base)
    saved = await remove_worktree(tree, salvage=salvage)
    if saved is not None:
        cleared.kept.append(f"branch {salvage}")
    cleared.removed += 1
    branch = await find_branch(repo, row.branch)
    if branch is None:
        return
    if not place.has_only_copy:
        await delete_branch(repo, row.branch, expect_head=place.head or branch.head)
    elif saved is None:
        await rename_branch(repo, row.branch, salvage)
        cleared.kept.append(f"branch {salvage}")
    else:
        cleared.kept.append(f"branch {row.branch}")


async def _finish(
    home: str, run: RunRow, repo: Repository | None, cleared: Cleared
) -> None:
    """Remove what belongs to the run as a whole; keep what a person may want."""
    name = merged_branch(run.id)
    merged = None if repo is None else await find_branch(repo, name)
    if repo is not None and merged is not None:
        if await is_contained(repo, name, ("HEAD",)):
            await delete_branch(repo, name, expect_head=merged.head)
        else:
            cleared.kept.append(f"branch {name}")
    if repo is not None and str(repo.root).startswith(f"{home}/"):
        if is_blank(repo.root):
            await delete_folder(repo.root)
        else:
            cleared.kept.append(f"repository {repo.root}")
    for folder in (
        Path(workspace_folder(home, run.id, "")),
        Path(run_folder(home, run.id)),
    ):
        if folder.is_dir():
            await delete_folder(folder)
