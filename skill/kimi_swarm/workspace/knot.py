"""Conflicts as commits: a merge with git's marks in it, for somebody to resolve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.workspace.git import git
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.merge import head_of, merge_env, merge_one
from kimi_swarm.workspace.merged import close_merged, open_merged
from kimi_swarm.workspace.tree import Repository, Worktree, absolute, in_repository
from kimi_swarm.workspace.trial import Trial


@dataclass(frozen=True, slots=True)
class Knot:
    """A merge that is committed with its conflicts: `marked` files hold git's marks.

    `unmarked` are in conflict too, but git had no way to show that in the file.
    """

    branch: str
    commit: str
    marked: tuple[str, ...]
    unmarked: tuple[str, ...]


async def tie_knots(
    repo: Repository, *, into: str, path: Path, branches: Mapping[str, str]
) -> list[Knot]:
    """Commit the merge of each branch with what is merged, conflicts and all.

    `branches` names for each the branch that leads to the commit from then on; `into`
    itself does not move. A branch that merges without conflict has no knot. Raises
    BranchTakenError, GitError.
    """
    path = absolute(path)
    async with folder_lock(path.parent):
        tree = await open_merged(repo, into=into, base=into, path=path)
        try:
            return await _tie_in(tree, branches)
        finally:
            await close_merged(tree)


async def _tie_in(tree: Worktree, branches: Mapping[str, str]) -> list[Knot]:
    trial = await Trial.begin(tree)
    merged, knots = trial.head, []
    try:
        for branch, name in branches.items():
            await trial.go_to(merged)
            knot = await _tie(tree, branch)
            if knot is not None:
                ref = f"refs/heads/{name}"
                await in_repository(tree.repo, "update-ref", ref, knot.commit)
                knots.append(knot)
    finally:
        await trial.go_to(merged)
        await trial.end()
    return knots


async def _tie(tree: Worktree, branch: str) -> Knot | None:
    env = await merge_env(tree)
    found = await merge_one(tree, branch, env=env, keeps_conflict=True)
    if found is None or not found.paths:
        return None
    marked = [path for path in found.paths if _is_marked(tree.path / path, branch)]
    await git(tree.path, "add", "-A", env=env)
    message = f"Merge {branch} into {tree.branch}, with its conflicts"
    await git(tree.path, "commit", "-q", "--no-verify", "-m", message, env=env)
    return Knot(
        branch,
        await head_of(tree),
        tuple(marked),
        tuple(path for path in found.paths if path not in marked),
    )


def last_mark(branch: str) -> str:
    """Return the line with which git ends a conflict that a branch brings."""
    return f">>>>>>> refs/heads/{branch}"


def _is_marked(path: Path, branch: str) -> bool:
    try:
        return last_mark(branch).encode() in path.read_bytes()
    except OSError:
        return False
