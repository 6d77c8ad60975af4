"""What became of a run's branches: merged, set aside and why, and what may collide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a branch is not in the merge: it collides, breaks the check, or waits."""

    CONFLICT = "conflict"
    CHECK = "check"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """A branch that is not in the merge, and why: nothing of it is lost.

    `paths` are the files it collides in. Where it breaks the check, `output` is the end
    of what the check wrote, and `company` the branches together with which it does:
    none where it does so alone, None where that is not known. `resolver` is the task
    that was to resolve the conflict.
    """

    branch: str
    paths: tuple[str, ...]
    reason: str
    cause: Cause = Cause.CONFLICT
    output: str = ""
    company: tuple[str, ...] | None = None
    resolver: str | None = None


@dataclass(frozen=True, slots=True)
class MergeCheck:
    """How the check ended on the merged branch as it is now.

    With `base_fails` it failed before anything was merged, too: no branch is to blame.
    """

    line: str
    is_passed: bool
    why: str = ""
    output: str = ""
    base_fails: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """The user's branch that the merge was brought to, and its commits then and now."""

    branch: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The run's merged branch: what is in it, and what is not and why.

    `resolving` are sessions that were queued to resolve conflicts.
    """

    branch: str
    repo: str
    merged: tuple[str, ...]
    conflicts: tuple[MergeConflict, ...]
    left_out: tuple[str, ...] = ()
    check: MergeCheck | None = None
    resolving: tuple[str, ...] = ()
    applied: Applied | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was set aside, and the check passes if there is one."""
        return not self.conflicts and (self.check is None or self.check.is_passed)

    @property
    def resolvable(self) -> tuple[str, ...]:
        """The branches that collide in files, and nobody was asked to resolve that."""
        return tuple(
            each.branch
            for each in self.conflicts
            if each.cause is Cause.CONFLICT and each.paths and each.resolver is None
        )


@dataclass(frozen=True, slots=True)
class LikelyConflict:
    """Two tasks whose work may not merge, and the files that both touch.

    `is_sure` if git was asked about what both have committed, and it does not merge.
    """

    tasks: tuple[str, str]
    paths: tuple[str, ...]
    is_sure: bool = False
