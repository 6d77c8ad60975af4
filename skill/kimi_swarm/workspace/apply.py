"""Bringing the merged branch to the user's own: as a fast-forward, or not at all.

Where the user's branch has gone on, the merge commit is made in a worktree of ours, so
that a conflict is none in their checkout. What then happens there is one fast-forward
by their own git, which keeps what is not committed or refuses. It is written down
before, and undone if that git dies in the middle.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from kimi_swarm.process.command import CommandTimeoutError
from kimi_swarm.process.records import write_atomically
from kimi_swarm.workspace.apply_errors import (
    ApplyConflictError,
    ApplyRefusedError,
    CheckFailsError,
    UncommittedWorkError,
)
from kimi_swarm.workspace.apply_undo import Journal, finish, forget, undo
from kimi_swarm.workspace.checkout import (
    Checkout,
    as_user,
    in_the_way,
    look_at_checkout,
    touched,
)
from kimi_swarm.workspace.git import attempt, first_words, one_line, readable
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.merge import WAYS, head_of
from kimi_swarm.workspace.merged import close_merged, open_merged
from kimi_swarm.workspace.repository import resolve_commit
from kimi_swarm.workspace.tree import Repository, absolute, in_tree
from kimi_swarm.workspace.trial import Check, Trial


@dataclass(frozen=True, slots=True)
class Brought:
    """The user's branch that the merge was brought to, and its commits then and now."""

    branch: str
    before: str
    after: str


async def bring(
    repo: Repository,
    merged: str,
    *,
    path: Path,
    journal: Path,
    check: Check | None = None,
) -> Brought:
    """Bring a merged branch to the branch that is checked out at the repository's root.

    `path` is where a merge may be made, `journal` the file that tells of one under way.
    Where a merge commit has to be made, it must pass `check`. Raises NotAppliedError
    of many kinds, and then nothing has changed; ApplyUnfinishedError, GitError.
    """
    path = absolute(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    async with folder_lock(path.parent):
        await finish(journal)
        user = await look_at_checkout(repo.root)
        head = await resolve_commit(repo, f"refs/heads/{merged}")
        if await _is_ancestor(repo.root, head, user.head):
            return Brought(user.branch, user.head, user.head)
        after = head
        if not await _is_ancestor(repo.root, user.head, head):
            await _refuse_uncommitted(user, head, of=head)
            after = await _merge_apart(repo, user, merged, path, check)
        await _refuse_uncommitted(user, after, of=user.head)
        await _forward(user, after, journal)
        return Brought(user.branch, user.head, after)


async def _is_ancestor(root: Path, one: str, other: str) -> bool:
    done = await attempt(root, "merge-base", "--is-ancestor", one, other)
    return done.exit_code == 0


async def _refuse_uncommitted(user: Checkout, after: str, *, of: str) -> None:
    """Refuse where what is not committed would be in the way of a commit's changes."""
    base = user.head
    if of == after:  # what the other side changed, before it is merged
        found = await attempt(user.root, "merge-base", user.head, after)
        base = one_line(found.stdout) or base
    paths = await in_the_way(user.root, await touched(user.root, base, after))
    if paths:
        raise UncommittedWorkError(user.root, paths)


async def _merge_apart(
    repo: Repository, user: Checkout, merged: str, path: Path, check: Check | None
) -> str:
    """Merge into what the user has, in a worktree of ours; return the merge commit."""
    tree = await open_merged(repo, into=merged, base=user.head, path=path)
    try:
        trial = await Trial.begin(tree)
        try:
            await trial.go_to(user.head)
            ways = [way for way in WAYS if way != "--no-verify"]
            message = f"Merge {merged} into {user.branch}"
            words = ("merge", "-q", *ways, "-m", message, f"refs/heads/{merged}")
            done = await as_user(path, words, more=("rerere.enabled=false",))
            listed = await in_tree(tree, "ls-files", "--unmerged", "-z")
            paths = {each.partition(b"\t")[2] for each in listed.split(b"\0") if each}
            if paths:
                names = sorted(map(readable, paths))
                raise ApplyConflictError(user.branch, merged, names)
            if done.exit_code != 0:
                raise ApplyRefusedError(user.root, first_words(done.stderr))
            trial.head = await head_of(tree)
            if check is not None:
                await _require_passing(trial, check, user.branch)
            return trial.head
        finally:
            await in_tree(tree, "reset", "-q", "--hard")
            await trial.go_to(user.head)  # and without what hooks left
            await trial.end()
    finally:
        await close_merged(tree)


async def _require_passing(trial: Trial, check: Check, branch: str) -> None:
    checked = await trial.check(check)
    if not checked.is_passed:
        raise CheckFailsError(f"the merge with your branch {branch}", checked.why)


async def _forward(user: Checkout, after: str, journal: Path) -> None:
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = Journal(str(user.root), user.head, after)
    write_atomically(str(journal), asdict(note))
    words = ("merge", "-q", "--ff-only", "--no-stat", "--no-autostash", after)
    try:
        done = await as_user(user.root, words)
    except CommandTimeoutError as error:
        why, has_died = error.message.rstrip("."), True
    else:
        why = first_words(done.stderr) or f"it ended with exit code {done.exit_code}"
        has_died = done.exit_code < 0
    is_done = await undo(note, has_died=has_died)
    forget(journal)
    if not is_done:
        raise ApplyRefusedError(user.root, why)
