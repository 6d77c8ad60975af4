"""Beginning a workspace anew without losing what an earlier try left."""

from __future__ import annotations

from pathlib import Path

from kimi_swarm.workspace.branches import delete_branch, find_branch
from kimi_swarm.workspace.errors import BranchTakenError, FolderTakenError
from kimi_swarm.workspace.folders import is_filled
from kimi_swarm.workspace.salvage import keep_commit, remove_worktree
from kimi_swarm.workspace.tree import Repository, Worktree, absolute, git_dir_of
from kimi_swarm.workspace.worktree import add_worktree


async def renew_worktree(
    repo: Repository, path: Path, *, branch: str, base: str, salvage: str
) -> Worktree:
    """Make a worktree as `add_worktree` does, over whatever a crash left of it.

    Files and commits of the earlier try go to the branch `salvage` first. Raises what
    `add_worktree` and `remove_worktree` raise.
    """
    try:
        return await add_worktree(repo, path, branch=branch, base=base)
    except (FolderTakenError, BranchTakenError):
        old = Worktree(repo, absolute(path), branch, base)
        if git_dir_of(old) is not None:
            await remove_worktree(old, salvage=salvage)
        elif is_filled(path):
            raise
    found = await find_branch(repo, branch)
    if found is not None and found.worktree is None and found.head != base:
        await keep_commit(old, salvage, found.head)
        await delete_branch(repo, branch, expect_head=found.head)
    return await add_worktree(repo, path, branch=branch, base=base)
