"""What tasks touch while they work, and whether two of them will merge.

Nothing here writes to a workspace: git takes no lock there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kimi_swarm.workspace.git import attempt
from kimi_swarm.workspace.status import look
from kimi_swarm.workspace.tree import (
    Repository,
    Worktree,
    in_repository,
    repository_env,
)

CROWD = 20
"""So many tasks that touch one file are looked at; more say nothing new."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a task has changed so far, and which of that it deleted.

    `head` is its commit, None while there is work that is not committed.
    """

    head: str | None
    paths: frozenset[bytes]
    deleted: frozenset[bytes]


async def touched_by(tree: Worktree, *, is_live: bool) -> Touched:
    """Look at what a task has changed since its base, committed or not.

    Raises GitError, RepositoryGoneError.
    """
    args = ("diff-tree", "-r", "-z", "--name-status", "--no-renames")
    told = await in_repository(tree.repo, *args, tree.base, tree.ref)
    fields = told.split(b"\0")
    letters = dict(zip(fields[1::2], fields[0::2], strict=False))
    head = await in_repository(tree.repo, "rev-parse", "--verify", tree.ref)
    paths = set(letters)
    is_clean = True
    if is_live:
        seen = await look(tree)
        is_clean = seen.is_clean
        paths |= {*seen.changed, *seen.unmerged, *seen.untracked}
    deleted = {path for path, letter in letters.items() if letter == b"D"}
    return Touched(
        head.decode().strip() if is_clean else None,
        frozenset(paths),
        frozenset(deleted),
    )


def overlaps(touched: Mapping[str, Touched]) -> dict[tuple[str, str], list[bytes]]:
    """Return the pairs of tasks that touch the same files, and those files, in order.

    A file against a folder of its name counts.
    """
    by_path: dict[bytes, list[str]] = {}
    for task, each in touched.items():
        for path in each.paths:
            by_path.setdefault(path, []).append(task)
    found: dict[tuple[str, str], list[bytes]] = {}
    for path, tasks in sorted(by_path.items()):
        for task in tasks[:CROWD]:
            above = (other for up in _parents(path) for other in by_path.get(up, ()))
            for other in (*tasks[:CROWD], *above):
                if other != task:
                    pair = found.setdefault(_pair(touched, task, other), [])
                    if path not in pair:
                        pair.append(path)
    return found


def _pair(order: Iterable[str], one: str, other: str) -> tuple[str, str]:
    first = next(task for task in order if task in (one, other))
    return (one, other) if first == one else (other, one)


def _parents(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]


async def will_conflict(repo: Repository, one: str, other: str) -> bool | None:
    """Ask git whether two commits merge; None where it cannot tell (before 2.38)."""
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", one, other)
    done = await attempt(repo.common_dir, *args, env=repository_env(repo))
    return {0: False, 1: True}.get(done.exit_code)
