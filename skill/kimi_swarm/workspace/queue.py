"""The merge queue: branches in order, checked as they come in, and who broke the check.

Branches are merged in batches, and the check is run after each. Where it fails, the
batch is halved until the branch is found with which it begins to fail; that one is set
aside, and the rest goes on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kimi_swarm.workspace.company import find_company
from kimi_swarm.workspace.errors import MergedChangedError
from kimi_swarm.workspace.merge import Conflict
from kimi_swarm.workspace.trial import Check, Checked, Trial

BATCH = 8
NAMED_COMPANY = 5
"""For how many branches it is looked with which other one they break the check."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A branch that merges and then breaks the check.

    `company` are the branches together with which it does: none where it does so alone,
    None where that was not found out.
    """

    branch: str
    checked: Checked
    company: tuple[str, ...] | None = None


@dataclass(slots=True)
class Sorted:
    """Where every branch went, so far: exactly one place each.

    `check` tells of what is merged; `base_fails` that the check failed before anything
    was, and on everything since: then no branch is to blame.
    """

    merged: list[str] = field(default_factory=list)
    contained: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    check: Checked | None = None
    base_fails: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a merge keeps to: the check and how often, and what is known before.

    `base` is where the run began. `passing` is a commit on which the check is known to
    pass. `own_head` is where we left the branch: if it is still there, all on it is
    ours, and can be merged anew where the check fails on it.
    """

    base: str
    check: Check | None = None
    every: int | None = None
    passing: str | None = None
    own_head: str | None = None


async def merge_queue(trial: Trial, branches: Sequence[str], terms: Terms) -> Sorted:
    """Merge branches in order where the trial is; the trial's branch follows it.

    Raises GitError, RepositoryGoneError, and what the check raises.
    """
    queue = _Queue(trial, terms)
    if terms.check is None:
        await queue.merge_unchecked(branches)
    else:
        await queue.merge_checked(branches, terms.check)
    return queue.sorted


class _Queue:
    def __init__(self, trial: Trial, terms: Terms) -> None:
        self.sorted = Sorted()
        self._trial = trial
        self._terms = terms
        self._accepted = trial.head

    async def merge_unchecked(self, branches: Sequence[str]) -> None:
        for branch in branches:
            before = self._trial.head
            conflict = await self._trial.merge(branch)
            if conflict is not None:
                self.sorted.conflicts.append(conflict)
            else:
                self._note(branch, is_new=self._trial.head != before)
        await self._accept()

    async def merge_checked(self, branches: Sequence[str], check: Check) -> None:
        waiting = await self._begin(branches, check)
        every = self._terms.every or (1 if len(waiting) <= BATCH else BATCH)
        while waiting:
            batch, waiting = waiting[:every], waiting[every:]
            while batch:
                batch = await self._merge_batch(batch, check)
        await self._accept()

    async def _begin(self, branches: Sequence[str], check: Check) -> list[str]:
        """Look how the check stands before anything is merged; return what to merge."""
        trial, terms = self._trial, self._terms
        start = trial.head
        if start == terms.passing:
            self.sorted.check = Checked(is_passed=True)
        else:
            self.sorted.check = await trial.check(check)
        if not self.sorted.check.is_passed and start != terms.base:
            await self._try_anew(start, check)
        self.sorted.base_fails = not self.sorted.check.is_passed
        waiting = []
        for branch in branches:
            if await trial.holds(branch):
                self._note(branch, is_new=False)
            else:
                waiting.append(branch)
        return waiting

    async def _try_anew(self, start: str, check: Check) -> None:
        """Begin at the run's base if the check passes there: a merge broke it."""
        trial = self._trial
        await trial.go_to(self._terms.base)
        checked = await trial.check(check)
        if not checked.is_passed:
            await trial.go_to(start)
        elif start != self._terms.own_head:
            raise MergedChangedError(trial.tree.branch)
        else:
            self.sorted.check = checked

    async def _merge_batch(self, batch: list[str], check: Check) -> list[str]:
        """Merge a batch, or as much as passes; return what is to be tried again."""
        trial, start = self._trial, self._trial.head
        heads: list[tuple[str, str]] = []
        conflicts: dict[str, Conflict] = {}
        for branch in batch:
            conflict = await trial.merge(branch)
            if conflict is not None:
                conflicts[branch] = conflict
            else:
                heads.append((branch, trial.head))
        checked = await trial.check(check)
        if checked.is_passed or self.sorted.base_fails:
            self._settle(batch, start, heads, conflicts)
            self.sorted.check = checked
            if checked.is_passed:
                self.sorted.base_fails = False
                await self._accept()
            return []
        good, checked = await self._last_good(heads, checked, check)
        culprit = heads[good][0]
        place = batch.index(culprit)
        self._settle(batch[:place], start, heads[:good], conflicts)
        await self._set_aside(culprit, checked, check)
        await trial.go_to(heads[good - 1][1] if good else start)
        self.sorted.check = Checked(is_passed=True)
        await self._accept()
        return batch[place + 1 :]

    async def _last_good(
        self, heads: list[tuple[str, str]], checked: Checked, check: Check
    ) -> tuple[int, Checked]:
        """Return after how many merges the check still passes, and how it then fails.

        It passes before the first and fails after the last.
        """
        good, bad = 0, len(heads)
        while bad - good > 1:
            middle = (good + bad) // 2
            await self._trial.go_to(heads[middle - 1][1])
            found = await self._trial.check(check)
            if found.is_passed:
                good = middle
            else:
                bad, checked = middle, found
        return good, checked

    def _settle(
        self,
        batch: Sequence[str],
        start: str,
        heads: Sequence[tuple[str, str]],
        conflicts: dict[str, Conflict],
    ) -> None:
        """Note where the branches of a batch went."""
        after = dict(heads)
        before = start
        for branch in batch:
            if branch in conflicts:
                self.sorted.conflicts.append(conflicts[branch])
            elif branch in after:
                self._note(branch, is_new=after[branch] != before)
                before = after[branch]

    def _note(self, branch: str, *, is_new: bool) -> None:
        (self.sorted.merged if is_new else self.sorted.contained).append(branch)

    async def _set_aside(self, branch: str, checked: Checked, check: Check) -> None:
        company = None
        if len(self.sorted.broken) < NAMED_COMPANY:
            others = [*self.sorted.contained, *self.sorted.merged]
            company = await find_company(
                self._trial, branch, others, base=self._terms.base, check=check
            )
        self.sorted.broken.append(Broken(branch, checked, company))

    async def _accept(self) -> None:
        await self._trial.accept(instead_of=self._accepted)
        self._accepted = self._trial.head
