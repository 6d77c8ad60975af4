"""A worktree in which merges are tried and checked, apart from any branch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.workspace.git import attempt, one_line
from kimi_swarm.workspace.merge import Conflict, head_of, merge_env, merge_one
from kimi_swarm.workspace.tree import Worktree, in_repository, in_tree


@dataclass(frozen=True, slots=True)
class Checked:
    """How a check ended: whether it passed, how else, and the end of its output."""

    is_passed: bool
    why: str = ""
    output: str = ""


Check = Callable[[Path], Awaitable[Checked]]
"""Runs a check in the folder that it is given, on what is committed there."""


class Trial:
    """A worktree on no branch: what is tried there moves none until it is accepted.

    What a check leaves behind is removed, files that git ignores too: each check sees
    exactly what is committed. It never sees the same files twice.
    """

    def __init__(self, tree: Worktree, env: dict[str, str], head: str) -> None:
        self.tree = tree
        self.head = head
        self._env = env
        self._known: dict[str, Checked] = {}

    @classmethod
    async def begin(cls, tree: Worktree) -> Trial:
        """Leave the worktree's branch. Raises GitError, RepositoryGoneError."""
        await in_tree(tree, "checkout", "-q", "--detach")
        return cls(tree, await merge_env(tree), await head_of(tree))

    async def go_to(self, commit: str) -> None:
        """Be on a commit, with its files and no others."""
        # Not `reset`: a check may have checked out a branch, which that would move.
        await in_tree(self.tree, "checkout", "-q", "--force", "--detach", commit)
        await in_tree(self.tree, "clean", "-q", "-ffdx")
        self.head = commit

    async def merge(self, branch: str) -> Conflict | None:
        """Merge a branch, whole or not at all."""
        conflict = await merge_one(self.tree, branch, env=self._env)
        self.head = await head_of(self.tree)
        return conflict

    async def merge_all(self, start: str, branches: Sequence[str]) -> bool:
        """Merge branches on top of a commit; False where one of them conflicts."""
        await self.go_to(start)
        for branch in branches:
            if await self.merge(branch) is not None:
                return False
        return True

    async def check(self, check: Check) -> Checked:
        """Run the check on the commit that the worktree is on."""
        head = self.head
        files = one_line(await in_tree(self.tree, "rev-parse", f"{head}^{{tree}}"))
        if files not in self._known:
            await self.go_to(head)
            try:
                self._known[files] = await check(self.tree.path)
            finally:
                await self.go_to(head)
        return self._known[files]

    async def accept(self, *, instead_of: str) -> None:
        """Put the branch on what was tried, if it still leads to `instead_of`.

        Raises GitError.
        """
        if self.head != instead_of:
            args = ("update-ref", "-m", "merge", self.tree.ref, self.head, instead_of)
            await in_repository(self.tree.repo, *args)

    async def end(self) -> None:
        """Go back to the branch, which holds all that was accepted."""
        await in_tree(self.tree, "checkout", "-q", "--force", self.tree.branch)

    async def holds(self, branch: str) -> bool:
        """Tell whether a branch's work is in what was tried."""
        args = ("merge-base", "--is-ancestor", f"refs/heads/{branch}", self.head)
        done = await attempt(self.tree.path, *args, env=self._env)
        return done.exit_code == 0
