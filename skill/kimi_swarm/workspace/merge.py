"""Bringing branches together: each is merged, was contained, or is told to conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.workspace.branches import find_branch
from kimi_swarm.workspace.commit import clear_stale_lock
from kimi_swarm.workspace.errors import BranchTakenError
from kimi_swarm.workspace.git import attempt, first_words, one_line, readable
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.salvage import remove_worktree
from kimi_swarm.workspace.tree import (
    Repository,
    Worktree,
    absolute,
    git_dir_of,
    in_tree,
    reattach,
    tree_env,
)
from kimi_swarm.workspace.worktree import add_worktree


@dataclass(frozen=True, slots=True)
class Conflict:
    """A branch that could not be merged: the files in conflict, or why else."""

    branch: str
    paths: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Where every branch went: exactly one of merged, contained, conflicts."""

    branch: str
    head: str
    merged: tuple[str, ...]
    contained: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


async def start_from(tree: Worktree, branches: Sequence[str]) -> MergeReport:
    """Merge branches in order into a new worktree, before its worker begins.

    The report's `head` is the base to count the worker's own changes from. With or
    without conflicts the worktree is clean. Raises GitError, RepositoryGoneError.
    """
    return await _merge_into(tree, branches)


async def merge_branches(
    repo: Repository,
    *,
    into: str,
    base: str,
    path: Path,
    branches: Sequence[str],
) -> MergeReport:
    """Merge branches in order on branch `into`, in a worktree of its own at `path`.

    `into` is made from `base`, or continued if it exists. A branch that conflicts is
    left out whole and reported; the others go on. The worktree is removed at the end,
    the branch stays. Raises BranchTakenError when `into` is checked out elsewhere,
    GitError.
    """
    path = absolute(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    async with folder_lock(path.parent):  # a second merge waits for the first
        return await _merge_at(repo, into, base, path, branches)


async def _merge_at(
    repo: Repository, into: str, base: str, path: Path, branches: Sequence[str]
) -> MergeReport:
    existing = await find_branch(repo, into)
    if existing is not None:
        base = existing.head
    tree = Worktree(repo, path, into, base)
    if git_dir_of(tree) is not None:  # of a merge that died
        await undo_merge(tree)
        await remove_worktree(tree, salvage=_salvage_name(into))
    elif existing is not None and existing.worktree is not None:
        raise BranchTakenError(into, f"it is checked out at {existing.worktree}")
    tree = await add_worktree(repo, path, branch=into, base=base)
    try:
        return await _merge_into(tree, branches)
    finally:
        await remove_worktree(tree, salvage=_salvage_name(into))


def _salvage_name(branch: str) -> str:
    return f"swarm-salvage/{branch.removeprefix('swarm/')}"


async def undo_merge(tree: Worktree) -> None:
    """Undo a merge that was cut short; without one nothing changes."""
    if not tree.path.exists():
        return
    git_dir = await reattach(tree)
    await clear_stale_lock(git_dir / "index.lock")
    if (git_dir / "MERGE_HEAD").exists():
        await in_tree(tree, "reset", "-q", "--hard")


async def _merge_into(tree: Worktree, branches: Sequence[str]) -> MergeReport:
    await undo_merge(tree)
    env = tree_env(tree)
    env |= await identity_env(tree.path, env=env)
    head = one_line(await in_tree(tree, "rev-parse", "HEAD"))
    merged: list[str] = []
    contained: list[str] = []
    conflicts: list[Conflict] = []
    for branch in dict.fromkeys(branches):
        conflict = await _merge_one(tree, branch, env)
        if conflict is not None:
            conflicts.append(conflict)
            continue
        before, head = head, one_line(await in_tree(tree, "rev-parse", "HEAD"))
        (contained if head == before else merged).append(branch)
    return MergeReport(
        tree.branch, head, tuple(merged), tuple(contained), tuple(conflicts)
    )


async def _merge_one(
    tree: Worktree, branch: str, env: dict[str, str]
) -> Conflict | None:
    args = ("--no-ff", "--no-edit", "--no-verify", "--no-stat", "--no-autostash")
    message = f"Merge {branch} into {tree.branch}"
    done = await attempt(
        tree.path, "merge", *args, "-m", message, f"refs/heads/{branch}", env=env
    )
    if done.exit_code == 0:
        return None
    entries = await in_tree(tree, "ls-files", "--unmerged", "-z")
    paths = {entry.partition(b"\t")[2] for entry in entries.split(b"\0") if entry}
    reason = "conflict"
    if not paths:
        found = await find_branch(tree.repo, branch)
        told = first_words(done.stderr) or "git refused to merge it"
        reason = "there is no such branch" if found is None else told
    # Not `merge --abort`: it refuses where a merge stopped before it began.
    await in_tree(tree, "reset", "-q", "--hard")
    return Conflict(branch, tuple(sorted(map(readable, paths))), reason)
