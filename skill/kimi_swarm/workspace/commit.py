"""Committing what a worker left, on the task's branch and nowhere else."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import anyio

from kimi_swarm.workspace.errors import StrayHeadError, UnresolvedMergeError
from kimi_swarm.workspace.git import GitError, attempt, one_line, readable
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.staging import stage
from kimi_swarm.workspace.status import Status, look
from kimi_swarm.workspace.tree import (
    Worktree,
    in_repository,
    in_tree,
    reattach,
    tree_env,
)

LOCK_PATIENCE_S = 0.5
LOCK_CHECKS = 10
# Moves that a worker did not make by committing; they may lead to foreign commits.
_JUMPS = ("checkout:", "reset:", "rebase (start)", "rebase: checkout")


async def commit_all(tree: Worktree, message: str) -> str | None:
    """Commit all changed and untracked files; return the new commit, None if none.

    Call it when no process of the worker is left. Commits the worker made elsewhere are
    taken to the branch when it grew from there, and otherwise left where they are.
    Raises StrayHeadError, UnresolvedMergeError, RepositoryGoneError, GitError.
    """
    git_dir = await reattach(tree)
    await clear_stale_lock(git_dir / "index.lock")
    seen = await look(tree)
    if seen.branch != tree.branch or seen.head is None:
        await _bring_home(tree, seen, git_dir)
    if seen.unmerged:
        names = [readable(path) for path in seen.unmerged]
        raise UnresolvedMergeError(tree.path, names)
    if seen.is_clean and not (git_dir / "MERGE_HEAD").exists():
        return None
    await stage(tree, seen)
    return await _commit(tree, message)


async def _commit(tree: Worktree, message: str) -> str | None:
    env = tree_env(tree)
    env |= await identity_env(tree.path, env=env)
    args = ("commit", "-q", "--no-verify", "--cleanup=verbatim", "-m", message)
    done = await attempt(tree.path, *args, env=env)
    if done.exit_code != 0:
        # Changes inside a submodule show as changes, but there is nothing to commit.
        staged = await attempt(tree.path, "diff", "--cached", "--quiet", env=env)
        if staged.exit_code == 0:
            return None
        raise GitError(args, done.exit_code, done.stderr)
    return one_line(await in_tree(tree, "rev-parse", "HEAD"))


async def clear_stale_lock(lock: Path) -> None:
    """Remove a lock that outlives all patience: a killed git leaves one behind.

    Someone who merely looks at the folder holds it for an instant only.
    """
    for _ in range(LOCK_CHECKS):
        if not os.access(lock, os.F_OK):
            return
        await anyio.sleep(LOCK_PATIENCE_S / LOCK_CHECKS)
    with suppress(FileNotFoundError):
        os.unlink(lock)  # noqa: PTH108 one local call needs no thread


async def _bring_home(tree: Worktree, seen: Status, git_dir: Path) -> None:
    """Put HEAD back on the branch, and the branch on HEAD if it grew to there."""
    for unfinished in ("rebase-merge", "rebase-apply"):
        if (git_dir / unfinished).exists():
            raise StrayHeadError(tree.path, tree.branch, "an unfinished rebase")
    tip = await _tip_of(tree)
    goal = seen.head or tip or tree.base
    if goal != tip:
        start = tip or tree.base
        if not await _has_grown(tree, start, goal, git_dir):
            where = seen.branch or f"commit {goal[:12]}"
            raise StrayHeadError(tree.path, tree.branch, where)
        # An empty old value means that the branch must not exist.
        await in_repository(tree.repo, "update-ref", tree.ref, goal, tip or "")
    await in_tree(tree, "symbolic-ref", "HEAD", tree.ref)


async def _tip_of(tree: Worktree) -> str | None:
    done = await attempt(
        tree.path, "rev-parse", "--verify", "--quiet", tree.ref, env=tree_env(tree)
    )
    return one_line(done.stdout) if done.exit_code == 0 else None


async def _has_grown(tree: Worktree, start: str, goal: str, git_dir: Path) -> bool:
    """Tell whether `goal` was reached from `start` by committing in this workspace."""
    if goal == start:
        return True
    env = tree_env(tree)
    ancestry = ("merge-base", "--is-ancestor", start, goal)
    if (await attempt(tree.path, *ancestry, env=env)).exit_code != 0:
        return False
    try:
        log = (git_dir / "logs" / "HEAD").read_text("utf-8", "replace")
    except OSError:
        return False
    reached = {tree.base, start}
    for line in log.splitlines():
        told, _, message = line.partition("\t")
        commit = told.split(" ")[1]
        if message.startswith(_JUMPS) and commit not in reached:
            return False
        reached.add(commit)
    return goal in reached
