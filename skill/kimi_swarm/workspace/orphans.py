"""Workspaces that nobody speaks for: found from their folder, or from git's side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kimi_swarm.workspace.git import attempt, one_line
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.merge import undo_merge
from kimi_swarm.workspace.salvage import Salvaged, remove_worktree
from kimi_swarm.workspace.tree import Repository, Worktree, git_dir_of, registered


def registered_below(repo: Repository, folder: Path) -> list[Path]:
    """Return the worktrees of a repository below a folder, there or not."""
    return [path for path in registered(repo) if path.is_relative_to(folder)]


async def tree_at(
    path: Path, *, branch: str, repos: Sequence[Repository]
) -> Worktree | None:
    """Return the git side of a workspace, None where no repository knows it.

    `repos` are asked first; then what the folder's own `.git` leads to.
    """
    own = path / ".git"
    if own.is_dir():
        repo = Repository(path, own)
        return Worktree(repo, path, branch, await _first_commit(repo))
    for repo in [*repos, *_pointed_at(own)]:
        tree = Worktree(repo, path, branch, "HEAD")
        if git_dir_of(tree) is not None:
            return tree
    return None


async def end_dead_merge(tree: Worktree, *, salvage: str) -> Salvaged | None:
    """Remove the worktree of a merge whose process died; its branch stays."""
    async with folder_lock(tree.path.parent):  # as who merges holds it
        if git_dir_of(tree) is None:
            return None
        await undo_merge(tree)
        return await remove_worktree(tree, salvage=salvage)


def _pointed_at(pointer: Path) -> list[Repository]:
    with suppress(OSError, UnicodeError):
        text = pointer.read_text("utf-8", "surrogateescape").removesuffix("\n")
        git_dir = Path(text.removeprefix("gitdir: "))
        common_dir = git_dir.parent.parent
        if git_dir.parent.name == "worktrees" and common_dir.is_dir():
            return [Repository(common_dir.parent, common_dir)]
    return []


async def _first_commit(repo: Repository) -> str:
    args = ("rev-list", "--max-parents=0", "--max-count=1", "HEAD", "--")
    done = await attempt(repo.root, *args)
    return one_line(done.stdout) or "HEAD"
