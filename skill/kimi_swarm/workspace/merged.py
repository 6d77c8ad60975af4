"""A run's own merged branch: what it holds, and merging more into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kimi_swarm.workspace.branches import find_branch
from kimi_swarm.workspace.errors import BranchTakenError
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.merge import Conflict, undo_merge
from kimi_swarm.workspace.queue import Broken, Terms, merge_queue
from kimi_swarm.workspace.repository import resolve_commit
from kimi_swarm.workspace.salvage import remove_worktree
from kimi_swarm.workspace.tree import Repository, Worktree, absolute, git_dir_of
from kimi_swarm.workspace.trial import Checked, Trial
from kimi_swarm.workspace.worktree import add_worktree


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Where every branch went: exactly one of merged, contained, conflicts, broken.

    `check` tells how the check ended on `head`, None where there is none; with
    `base_fails` it failed before anything was merged, too.
    """

    branch: str
    head: str
    merged: tuple[str, ...]
    contained: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    broken: tuple[Broken, ...] = ()
    check: Checked | None = None
    base_fails: bool = False


async def merge_branches(
    repo: Repository,
    *,
    into: str,
    path: Path,
    branches: Sequence[str],
    terms: Terms,
) -> MergeReport:
    """Merge branches in order on branch `into`, in a worktree of its own at `path`.

    `into` is made from the terms' base, or continued if it exists. A branch that
    conflicts or breaks the check is left out whole and reported; the others go on. The
    worktree is removed at the end, the branch stays. Raises BranchTakenError when
    `into` is checked out elsewhere, GitError.
    """
    path = absolute(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    async with folder_lock(path.parent):  # a second merge waits for the first
        terms = replace(terms, base=await resolve_commit(repo, terms.base))
        tree = await open_merged(repo, into=into, base=terms.base, path=path)
        try:
            return await _merge_in(tree, branches, terms)
        finally:
            await close_merged(tree)


async def open_merged(
    repo: Repository, *, into: str, base: str, path: Path
) -> Worktree:
    """Make a worktree of the merged branch, which is made from `base` if need be.

    What a merge that died left there goes first; a person's files are saved. Hold the
    lock of the folder above. Raises BranchTakenError, GitError.
    """
    existing = await find_branch(repo, into)
    tree = Worktree(repo, path, into, base if existing is None else existing.head)
    if git_dir_of(tree) is not None:  # of a merge that died
        await undo_merge(tree)
        await remove_worktree(tree, salvage=_salvage_name(into))
    elif existing is not None and existing.worktree is not None:
        raise BranchTakenError(into, f"it is checked out at {existing.worktree}")
    return await add_worktree(repo, path, branch=into, base=tree.base)


async def close_merged(tree: Worktree) -> None:
    """Remove the worktree of the merged branch; the branch stays."""
    await remove_worktree(tree, salvage=_salvage_name(tree.branch))


def _salvage_name(branch: str) -> str:
    return f"swarm-salvage/{branch.removeprefix('swarm/')}"


async def _merge_in(
    tree: Worktree, branches: Sequence[str], terms: Terms
) -> MergeReport:
    trial = await Trial.begin(tree)
    try:
        found = await merge_queue(trial, list(dict.fromkeys(branches)), terms)
    finally:
        await trial.end()
    return MergeReport(
        tree.branch,
        trial.head,
        tuple(found.merged),
        tuple(found.contained),
        tuple(found.conflicts),
        tuple(found.broken),
        found.check,
        found.base_fails,
    )
