"""Making workspaces: a worktree of a repository, or a fresh folder of its own."""

from __future__ import annotations

import re
from pathlib import Path

from kimi_swarm.workspace.branches import find_branch, in_the_way_of
from kimi_swarm.workspace.commit import clear_stale_lock
from kimi_swarm.workspace.errors import (
    BranchTakenError,
    FolderTakenError,
    RepositoryGoneError,
)
from kimi_swarm.workspace.folders import is_filled
from kimi_swarm.workspace.git import GitError, attempt
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.repository import begin_history, resolve_commit
from kimi_swarm.workspace.status import look
from kimi_swarm.workspace.tree import (
    Repository,
    Worktree,
    absolute,
    git_dir_of,
    in_repository,
    in_tree,
    reattach,
    repository_env,
)

_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


async def add_worktree(
    repo: Repository, path: Path, *, branch: str, base: str
) -> Worktree:
    """Make a worktree at `path` on a new branch from commit `base`.

    Done again after a crash it takes up what is there, if that is still untouched.
    Raises FolderTakenError, BranchTakenError, UnknownCommitError, RepositoryGoneError,
    GitError.
    """
    if not repo.common_dir.is_dir():
        raise RepositoryGoneError(repo.common_dir, path)
    if not _FULL_ID.fullmatch(base):
        base = await resolve_commit(repo, base)
    tree = Worktree(repo, absolute(path), branch, base)
    tree.path.parent.mkdir(parents=True, exist_ok=True)
    async with folder_lock(repo.common_dir):
        if git_dir_of(tree) is not None or tree.path.exists():
            is_there = await _take_up(tree)
        else:
            is_there = False
        if not is_there:
            await _register(tree)
    # Files are written outside the lock: 40 big checkouts need not wait in line.
    await _check_out(tree)
    return tree


async def create_fresh(path: Path, *, branch: str) -> Worktree:
    """Make an empty folder with a repository of its own and one empty commit.

    Done again after a crash it finds what it made. Raises FolderTakenError, GitError.
    """
    path = absolute(path)
    repo = Repository(root=path, common_dir=path / ".git")
    base = await begin_history(repo, branch=branch)
    return Worktree(repo, path, branch, base)


async def _take_up(tree: Worktree) -> bool:
    """Return whether an untouched worktree of ours is at the path already."""
    git_dir = git_dir_of(tree)
    if git_dir is None:
        if is_filled(tree.path):
            raise FolderTakenError(tree.path, "it is not empty")
        return False
    if not tree.path.exists():
        await forget(tree)
        return False
    if not (git_dir / "index").exists():
        return True  # the crash came before the checkout
    await reattach(tree)
    seen = await look(tree)
    if (seen.branch, seen.head) != (tree.branch, tree.base) or not seen.is_clean:
        raise FolderTakenError(tree.path, "a worktree with work in it is there")
    return True


async def _register(tree: Worktree) -> None:
    new = ("--no-checkout", "--no-track", "-b", tree.branch)
    args = ("worktree", "add", *new, str(tree.path), tree.base)
    env = repository_env(tree.repo)
    done = await attempt(tree.repo.common_dir, *args, env=env)
    if done.exit_code == 0:
        return
    existing = await find_branch(tree.repo, tree.branch)
    if existing is None:
        await _refuse_blocked(tree)
        await resolve_commit(tree.repo, tree.base)
        raise GitError(args, done.exit_code, done.stderr)
    if existing.worktree is not None:
        holder = Path(existing.worktree)
        if not _is_vanished_sibling(holder, tree.path):
            raise BranchTakenError(tree.branch, f"it is checked out at {holder}")
        # A crash of ours left a registration without a folder.
        await forget(Worktree(tree.repo, holder, tree.branch, tree.base))
    if existing.head != tree.base:
        raise BranchTakenError(tree.branch, "it exists and leads to another commit")
    await in_repository(
        tree.repo, "worktree", "add", "--no-checkout", str(tree.path), tree.branch
    )


def _is_vanished_sibling(holder: Path, path: Path) -> bool:
    return holder.parent == path.parent.resolve() and not holder.exists()


async def _refuse_blocked(tree: Worktree) -> None:
    blocker = await in_the_way_of(tree.repo, tree.branch)
    if blocker is not None:
        raise BranchTakenError(tree.branch, f"the branch {blocker} stands in its way")


async def forget(tree: Worktree) -> None:
    """Drop git's record of a worktree whose folder is gone. Hold the lock."""
    await in_repository(
        tree.repo, "worktree", "remove", "--force", "--", str(tree.path)
    )


async def _check_out(tree: Worktree) -> None:
    git_dir = git_dir_of(tree)
    if git_dir is None or (git_dir / "index").exists():
        return
    # A checkout may go on after the process that asked for it died.
    await clear_stale_lock(git_dir / "index.lock")
    if not (git_dir / "index").exists():
        await in_tree(tree, "reset", "-q", "--hard")
