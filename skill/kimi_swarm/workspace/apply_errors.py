"""Why a merge is not brought to the user's branch; the checkout is as it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kimi_swarm.errors import SwarmError
from kimi_swarm.workspace.errors import some_of


class NotAppliedError(SwarmError):
    """Raised when a merge was not brought to the user's branch: nothing changed there.

    Its subclasses say why.
    """

    code = "not_applied"
    exit_code = 1


class NothingMergedError(NotAppliedError):
    """Raised when there is no merged branch to bring anywhere.

    If a merge `was_tried` something was done; else nothing was, and the call is wrong.
    """

    code = "nothing_merged"

    def __init__(self, run: str, *, was_tried: bool = False) -> None:
        self.exit_code = 1 if was_tried else 2
        if was_tried:
            message = f"Nothing of run {run} could be merged; nothing was applied."
            super().__init__(message, remedy=f"See why: aggregate {run}")
            return
        super().__init__(
            f"Run {run} has no merged branch yet; nothing was applied.",
            remedy=f"Merge first: aggregate {run} --merge --apply",
        )


class CheckFailsError(NotAppliedError):
    """Raised when what would be applied fails its check."""

    code = "apply_check"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"The check fails on {what} ({why}); your branch was not touched.",
            remedy="Mend it, or merge the branch by hand if you want it all the same.",
        )


class DetachedHeadError(NotAppliedError):
    """Raised when the checkout is on no branch."""

    code = "detached_head"

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"The checkout {root} is on no branch; nothing was applied.",
            remedy="Check out the branch that shall get the work.",
        )


class CheckoutBusyError(NotAppliedError):
    """Raised when something else is under way in the checkout."""

    code = "checkout_busy"

    def __init__(self, root: Path, what: str) -> None:
        super().__init__(
            f"{what} is under way in {root}; nothing was applied.",
            remedy="Finish it or call it off, then apply again.",
        )


class UncommittedWorkError(NotAppliedError):
    """Raised when uncommitted work is in files that would change."""

    code = "uncommitted_work"

    def __init__(self, root: Path, paths: Sequence[str]) -> None:
        super().__init__(
            f"{root} has uncommitted work in files that would change: "
            f"{some_of(paths)}; nothing was applied.",
            remedy="Commit it or move it away, then apply again.",
        )


class ApplyConflictError(NotAppliedError):
    """Raised when the user's branch has gone on and collides with the merge."""

    code = "apply_conflict"

    def __init__(self, branch: str, merged: str, paths: Sequence[str]) -> None:
        super().__init__(
            f"{merged} conflicts with your branch {branch} in {some_of(paths)}; "
            "nothing was applied.",
            remedy=f"Run `git merge {merged}` yourself and resolve it.",
        )


class ApplyRefusedError(NotAppliedError):
    """Raised when git or one of the user's hooks refuses."""

    code = "apply_refused"

    def __init__(self, root: Path, why: str) -> None:
        super().__init__(
            f"git refused to apply the merge in {root}: {why}; nothing was applied.",
            remedy="Look at the repository with `git status`, and at its hooks.",
        )


class ApplyUnfinishedError(SwarmError):
    """Raised when an earlier apply died in the middle and not all can be undone."""

    code = "apply_unfinished"
    exit_code = 1

    def __init__(self, root: Path, before: str, paths: Sequence[str]) -> None:
        super().__init__(
            f"An apply in {root} was cut short and undone, but for what somebody "
            f"wrote meanwhile: {some_of(paths)}.",
            remedy=f"Compare these files with `git diff {before[:12]}` and decide.",
        )
