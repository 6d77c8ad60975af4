"""Branches: what they hold, whether it is merged, and their end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_swarm.workspace.errors import BranchTakenError
from kimi_swarm.workspace.git import attempt, one_line
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.tree import Repository, in_repository, repository_env


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch: its commit, and the folder that has it checked out, if any."""

    name: str
    head: str
    worktree: str | None


async def find_branch(repo: Repository, branch: str) -> Branch | None:
    """Return what is known of a branch, or None. Raises GitError."""
    found = await _branches(repo, (branch,))
    return next((one for one in found if one.name == branch), None)


async def find_heads(repo: Repository, branches: Sequence[str]) -> dict[str, str]:
    """Return the commits of those of the branches that exist. Raises GitError."""
    if not branches:
        return {}
    wanted = set(branches)
    found = await _branches(repo, branches)
    return {one.name: one.head for one in found if one.name in wanted}


async def in_the_way_of(repo: Repository, branch: str) -> str | None:
    """Return the branch that forbids this name: `a` forbids `a/b`, and `a/b` `a`."""
    parts = branch.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts))]
    found = await _branches(repo, (*above, branch))
    names = [one.name for one in found]
    return next(
        (name for name in names if name in above or name.startswith(f"{branch}/")),
        None,
    )


async def _branches(repo: Repository, names: Sequence[str]) -> list[Branch]:
    output = await in_repository(
        repo,
        "for-each-ref",
        "--format=%(refname)%00%(objectname)%00%(worktreepath)%00",
        *(f"refs/heads/{name}" for name in names),
    )
    fields = os.fsdecode(output).split("\0")
    return [
        Branch(ref.lstrip("\n").removeprefix("refs/heads/"), head, folder or None)
        for ref, head, folder in zip(
            fields[0::3], fields[1::3], fields[2::3], strict=False
        )
    ]


async def is_contained(repo: Repository, branch: str, in_any_of: Sequence[str]) -> bool:
    """Tell whether a branch's last commit is in any of the other names' history.

    Names that do not exist hold nothing; a branch that does not exist is contained.
    Raises GitError.
    """
    head = await _commit_of(repo, branch)
    if head is None:
        return True
    others = [await _commit_of(repo, name) for name in in_any_of]
    known = [other for other in others if other is not None]
    missing = await in_repository(
        repo, "rev-list", "--max-count=1", head, "--not", *known, "--"
    )
    return not missing.strip()


async def unmerged(
    repo: Repository, branches: Sequence[str], into: str
) -> tuple[str, ...]:
    """Return those of the branches whose work is not in `into`, in the order given.

    Branches that do not exist have none. Raises GitError.
    """
    if not branches:
        return ()
    target = await _commit_of(repo, into)
    output = await in_repository(
        repo,
        "for-each-ref",
        "--format=%(refname)",
        *([f"--no-merged={target}"] if target else []),
        *(f"refs/heads/{branch}" for branch in branches),
    )
    found = {line.removeprefix("refs/heads/") for line in output.decode().split()}
    return tuple(branch for branch in branches if branch in found)


async def delete_branch(repo: Repository, branch: str, *, expect_head: str) -> bool:
    """Delete a branch that still leads to `expect_head`; False if it does not exist.

    Raises BranchTakenError when it moved or is checked out, GitError.
    """
    async with folder_lock(repo.common_dir):
        found = await find_branch(repo, branch)
        if found is None:
            return False
        if found.worktree is not None:
            raise BranchTakenError(branch, f"it is checked out at {found.worktree}")
        if found.head != expect_head:
            raise BranchTakenError(branch, "it has moved since it was looked at")
        ref = f"refs/heads/{branch}"
        await in_repository(repo, "update-ref", "-d", ref, expect_head)
        return True


async def rename_branch(repo: Repository, branch: str, new: str) -> None:
    """Rename a branch, where it is checked out too. Raises BranchTakenError, GitError.

    Done twice it finds the work done.
    """
    async with folder_lock(repo.common_dir):
        old_one = await find_branch(repo, branch)
        new_one = await find_branch(repo, new)
        if new_one is not None:
            if old_one is None:
                return
            raise BranchTakenError(new, "it exists already")
        await in_repository(repo, "branch", "-m", branch, new)


async def _commit_of(repo: Repository, name: str) -> str | None:
    """Resolve a branch or, failing that, any name; HEAD is that of the user's root."""
    places = (
        (f"refs/heads/{name}", repo.common_dir, repository_env(repo)),
        (name, repo.root, None),
    )
    for ref, cwd, env in places:
        if not cwd.is_dir():
            continue
        done = await attempt(
            cwd,
            *("rev-parse", "--verify", "--quiet", "--end-of-options"),
            f"{ref}^{{commit}}",
            env=env,
        )
        if done.exit_code == 0:
            return one_line(done.stdout)
    return None
