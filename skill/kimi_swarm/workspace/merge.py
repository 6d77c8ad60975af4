"""Merging one branch into a workspace: it is merged, was contained, or conflicts."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.workspace.branches import find_branch
from kimi_swarm.workspace.commit import clear_stale_lock
from kimi_swarm.workspace.git import attempt, first_words, one_line, readable
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.tree import Worktree, in_tree, reattach, tree_env

# Renames are not looked for. Git takes a file that one branch deleted and another that
# it added for one that was renamed where they are alike, and puts what other branches
# wrote to the one into the other, without a word. A conflict that is told is better.
# The strategy is named because git's newer one looked for renames all the same for
# years; where it does not any more, this is another name for it.
WAYS = (
    *("--no-ff", "--no-edit", "--no-verify", "--no-stat", "--no-autostash"),
    *("-s", "recursive", "-X", "no-renames"),
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A branch that could not be merged: the files in conflict, or why else."""

    branch: str
    paths: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Where every branch went that a worker's beginning was to be merged from."""

    head: str
    conflicts: tuple[Conflict, ...]


async def start_from(tree: Worktree, branches: Sequence[str]) -> Joined:
    """Merge branches in order into a new worktree, before its worker begins.

    The `head` returned is the base to count the worker's own changes from. With or
    without conflicts the worktree is clean. Raises GitError, RepositoryGoneError.
    """
    await undo_merge(tree)
    env = await merge_env(tree)
    tried = [
        await merge_one(tree, branch, env=env) for branch in dict.fromkeys(branches)
    ]
    conflicts = tuple(each for each in tried if each is not None)
    return Joined(await head_of(tree), conflicts)


async def merge_env(tree: Worktree) -> dict[str, str]:
    """Return the variables with which merges in a workspace are made."""
    env = tree_env(tree)
    return env | await identity_env(tree.path, env=env)


async def head_of(tree: Worktree) -> str:
    """Return the commit that a workspace is on."""
    return one_line(await in_tree(tree, "rev-parse", "HEAD"))


async def undo_merge(tree: Worktree) -> None:
    """Undo a merge that was cut short; without one nothing changes."""
    if not tree.path.exists():
        return
    git_dir = await reattach(tree)
    await clear_stale_lock(git_dir / "index.lock")
    if (git_dir / "MERGE_HEAD").exists():
        await in_tree(tree, "reset", "-q", "--hard")
    if not (git_dir / "HEAD").read_text("utf-8").startswith("ref: "):
        # Merges that were only tried. Where files are in the way, they are saved later.
        await attempt(tree.path, "checkout", "-q", tree.branch, env=tree_env(tree))


async def merge_one(
    tree: Worktree, branch: str, *, env: dict[str, str], keeps_conflict: bool = False
) -> Conflict | None:
    """Merge a branch into what a workspace is on; a conflict is undone and told.

    With `keeps_conflict` it is left in the workspace. Raises GitError,
    RepositoryGoneError.
    """
    message = f"Merge {branch} into {tree.branch}"
    done = await attempt(
        tree.path, "merge", *WAYS, "-m", message, f"refs/heads/{branch}", env=env
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
    if not (keeps_conflict and paths):
        # Not `merge --abort`: it refuses where a merge stopped before it began.
        await in_tree(tree, "reset", "-q", "--hard")
        await _remove_sides(tree, branch, paths)
    return Conflict(branch, tuple(sorted(map(readable, paths))), reason)


async def _remove_sides(tree: Worktree, branch: str, paths: Collection[bytes]) -> None:
    """Remove the files that git made of a side where a file meets a folder.

    It puts `name~HEAD` or `name~refs_heads_BRANCH` beside the folder, and forgets it.
    """
    labels = (b"HEAD", f"refs/heads/{branch}".replace("/", "_").encode())
    sides = {path + b"~" + label for path in paths for label in labels}
    others = await in_tree(tree, "ls-files", "--others", "-z")
    for left in sides.intersection(others.split(b"\0")):
        Path(tree.path, os.fsdecode(left)).unlink(missing_ok=True)  # noqa: ASYNC240 one local unlink
