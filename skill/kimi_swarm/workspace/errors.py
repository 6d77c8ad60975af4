"""What can be wrong with a repository or a workspace, each in its own sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kimi_swarm.errors import SwarmError

SHOWN_PATHS = 5


class NotARepositoryError(SwarmError):
    """Raised when a folder is not inside a git repository."""

    code = "not_a_repository"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not inside a git repository.",
            remedy="Run `git init` and commit there, or choose `workspace: fresh`.",
        )


class BareRepositoryError(SwarmError):
    """Raised when a repository has no checkout."""

    code = "bare_repository"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a bare repository, without a checkout.",
            remedy="Clone it and name the clone, or choose `workspace: fresh`.",
        )


class NoCommitError(SwarmError):
    """Raised when a repository has nothing to start from."""

    code = "no_commit"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The repository {path} has no commit yet.",
            remedy="Make a first commit, or choose `workspace: fresh`.",
        )


class UntrustedRepositoryError(SwarmError):
    """Raised when git refuses a repository that another user owns."""

    code = "untrusted_repository"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"git refuses {path} because another user owns it.",
            remedy="Add it to git's `safe.directory`, or work in a clone of your own.",
        )


class UnknownCommitError(SwarmError):
    """Raised when a name does not lead to a commit."""

    code = "unknown_commit"

    def __init__(self, ref: str, root: Path) -> None:
        super().__init__(
            f"{ref!r} is not a commit, branch or tag of {root}.",
            remedy="List the branches with `git branch --all` and name one of them.",
        )


class RepositoryGoneError(SwarmError):
    """Raised when a workspace's repository is no longer there."""

    code = "repository_gone"
    exit_code = 1

    def __init__(self, common_dir: Path, path: Path) -> None:
        super().__init__(
            f"The repository {common_dir} is gone; {path} was kept with its files.",
            remedy="Take what you need from the folder, then delete it by hand.",
        )


class WorkspaceGoneError(SwarmError):
    """Raised when a workspace's folder is no longer there."""

    code = "workspace_gone"
    exit_code = 1

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The workspace {path} is gone.",
            remedy="What was committed is on the task's branch; retry the task.",
        )


class FolderTakenError(SwarmError):
    """Raised when a workspace's folder holds something already."""

    code = "folder_taken"
    exit_code = 1

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The folder {path} cannot become a workspace: {why}.",
            remedy="Move what is in it, or clear the run that made it.",
        )


class BranchTakenError(SwarmError):
    """Raised when a branch exists and leads elsewhere, or stands in the way."""

    code = "branch_taken"
    exit_code = 1

    def __init__(self, branch: str, why: str) -> None:
        super().__init__(
            f"The branch {branch} cannot be used: {why}.",
            remedy="Rename or delete that branch, or check out another one there.",
        )


class PathOutsideError(SwarmError):
    """Raised when a path to copy leaves the repository."""

    code = "path_outside"

    def __init__(self, item: str, why: str) -> None:
        super().__init__(
            f"The path {item!r} cannot be copied into a workspace: {why}.",
            remedy="Name files or folders inside the repository, relative to its root.",
        )


class MissingPathError(SwarmError):
    """Raised when a path to copy is not there."""

    code = "path_missing"

    def __init__(self, item: str, root: Path) -> None:
        super().__init__(
            f"The path {item!r} to copy is not in {root}.",
            remedy="Create it, or take it out of `copy`.",
        )


class CopyFailedError(SwarmError):
    """Raised when a path could not be copied."""

    code = "copy_failed"
    exit_code = 1

    def __init__(self, item: str, why: str) -> None:
        super().__init__(
            f"Copying {item!r} into the workspace failed: {why}.",
            remedy="Check its permissions and the space on the disk.",
        )


class MergedChangedError(SwarmError):
    """Raised when what others put on the merged branch breaks the check."""

    code = "merged_changed"
    exit_code = 1

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"The check fails on {branch}, which somebody else has changed since it "
            "was merged; nothing was merged.",
            remedy="Mend it there and commit, or rename that branch and merge anew.",
        )


class StrayHeadError(SwarmError):
    """Raised when a worker left its workspace on commits that are not the task's."""

    code = "stray_head"
    exit_code = 1

    def __init__(self, path: Path, branch: str, where: str) -> None:
        super().__init__(
            f"The worker left {path} on {where} instead of {branch}.",
            remedy=f"Look at the commits there; merge what you want into {branch}.",
        )


class UnresolvedMergeError(SwarmError):
    """Raised when a worker left merge conflicts unresolved."""

    code = "unresolved_merge"
    exit_code = 1

    def __init__(self, path: Path, paths: Sequence[str]) -> None:
        super().__init__(
            f"The worker left merge conflicts in {path}: {some_of(paths)}.",
            remedy="Resolve them there and commit, or retry the task.",
        )


class SalvageFailedError(SwarmError):
    """Raised when work could not be saved; the workspace was kept."""

    code = "salvage_failed"
    exit_code = 1

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The workspace {path} was kept because {why}.",
            remedy="Save what you need from it, then clear again.",
        )


def some_of(paths: Sequence[str]) -> str:
    """Return the first few names and how many more there are."""
    shown = ", ".join(paths[:SHOWN_PATHS])
    more = len(paths) - SHOWN_PATHS
    return f"{shown} and {more} more" if more > 0 else shown
