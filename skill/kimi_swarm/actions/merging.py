"""Merging a run's branches: which, with what check, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from kimi_swarm.actions.merge_check import LIMIT_S, CheckLine, checking
from kimi_swarm.actions.merge_record import (
    Aside,
    MergeRecord,
    read_record,
    write_record,
)
from kimi_swarm.core.merged import Cause, MergeCheck, MergeConflict, Merged
from kimi_swarm.core.names import MERGED, merged_branch
from kimi_swarm.core.task import Task, WorkspaceMode
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import workspace_folder
from kimi_swarm.store.database import Connection, words_for_errors
from kimi_swarm.store.runs import plan_of, tasks_of
from kimi_swarm.store.views import RunRow, SessionRow
from kimi_swarm.workspace.branches import find_branch, find_heads, unmerged
from kimi_swarm.workspace.merged import MergeReport, merge_branches
from kimi_swarm.workspace.queue import Terms
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository


@dataclass(frozen=True, slots=True)
class MergeWish:
    """How somebody wants a run merged.

    What is given wins over the plan's `merge_check`. With `again` what was set aside is
    tried anew; with `apply` what is merged is brought to the user's branch; with
    `resolve` conflicts are given to workers, of the `profile` if one is named.
    """

    check: str | None = None
    check_timeout_s: float | None = None
    check_every: int | None = None
    again: bool = False
    apply: bool = False
    resolve: bool = False
    profile: str | None = None


class Work(NamedTuple):
    """A run's tasks that worked on branches of its repository, in plan order."""

    run: RunRow
    root: str
    base: str
    tasks: dict[str, Task]
    sessions: list[SessionRow]
    spared: Mapping[str, str] = MappingProxyType({})

    @property
    def branches(self) -> list[str]:
        """The branches that hold finished work, and no other was chosen instead."""
        return [row.branch for row in self.sessions if row.branch and self._is_in(row)]

    def _is_in(self, row: SessionRow) -> bool:
        return _is_done(row) and row.task not in self.spared

    @property
    def left_out(self) -> tuple[str, ...]:
        """The tasks whose work is not finished, and how they stand."""
        return tuple(
            f"{row.task} ({self.spared.get(row.task) or row.outcome or row.state})"
            for row in self.sessions
            if not (row.branch and self._is_in(row))
        )


def _is_done(row: SessionRow) -> bool:
    return row.outcome == "succeeded"


def work_of(
    connection: Connection, run: RunRow, sessions: Sequence[SessionRow]
) -> Work | None:
    """Return what of a run can be merged, None where it works on no branches."""
    tasks = {task.name: task for task in tasks_of(connection, run.id)}
    ours = [
        row
        for row in sessions
        if tasks[row.task].workspace.mode is WorkspaceMode.WORKTREE
    ]
    if run.repo is None or run.base is None or not ours:
        return None
    return Work(run, run.repo, run.base, tasks, ours)


def check_of(connection: Connection, run: str, wish: MergeWish) -> CheckLine | None:
    """Return the check that a merge must pass: as wished, else as planned."""
    written: dict[str, Any] = plan_of(connection, run).get("merge_check") or {}
    line = wish.check or written.get("line")
    if line is None:
        return None
    return CheckLine(
        line,
        wish.check_timeout_s or written.get("timeout_s") or LIMIT_S,
        wish.check_every or written.get("every"),
    )


async def merge(
    home: str, connection: Connection, work: Work, wish: MergeWish
) -> Merged:
    """Merge what succeeded, in plan order, and remember what came of it.

    Raises CheckLostError and the workspace room's errors.
    """
    check = check_of(connection, work.run.id, wish)
    repo = await open_repository(Path(work.root))
    branch = merged_branch(work.run.id)
    is_new = await find_branch(repo, branch) is None
    record = MergeRecord() if is_new else read_record(home, work.run.id)
    heads = await find_heads(repo, work.branches)
    line = None if check is None else check.line
    aside = {} if wish.again else record.still_aside(heads, line)
    wanted = [each for each in work.branches if each not in aside]
    report = await _merge(home, work, repo, record, check, wanted)
    told = _conflicts(report)
    still = await unmerged(repo, list(aside), branch)
    new = {
        each: Aside(heads[each], why, line if why.cause is Cause.CHECK else None)
        for each, why in told.items()
        if each in heads
    }
    kept = {each: record.aside[each] for each in still}
    # What another branch brought with it, as one that resolves a conflict does, is in.
    open_still = set(await unmerged(repo, list(told), branch))
    told = {each: why for each, why in told.items() if each in open_still}
    told |= {each: aside[each] for each in still}
    told = _with_resolvers(work, told)
    passed_line = record.passed_line if report.head == record.head else None
    if report.check is not None and report.check.is_passed:
        passed_line = line
    with words_for_errors(home):
        found = MergeRecord(report.head, passed_line, new | kept)
        write_record(home, work.run.id, found)
    return Merged(
        branch=branch,
        repo=work.root,
        merged=tuple(each for each in work.branches if each not in told),
        conflicts=tuple(told[each] for each in work.branches if each in told),
        left_out=work.left_out,
        check=None if check is None else _judged(report, check),
    )


async def _merge(
    home: str,
    work: Work,
    repo: Repository,
    record: MergeRecord,
    check: CheckLine | None,
    branches: list[str],
) -> MergeReport:
    run = work.run.id
    terms = Terms(work.base, own_head=record.head)
    path = Path(workspace_folder(home, run, MERGED))
    into = merged_branch(run)
    if check is None:
        return await merge_branches(
            repo, into=into, path=path, branches=branches, terms=terms
        )
    async with checking(home, run, work.tasks.values(), check) as runner:
        passing = record.head if record.passed_line == check.line else None
        terms = Terms(work.base, runner, check.every, passing, record.head)
        return await merge_branches(
            repo, into=into, path=path, branches=branches, terms=terms
        )


def _conflicts(report: MergeReport) -> dict[str, MergeConflict]:
    """Return what was set aside this time, by branch."""
    told = {
        each.branch: MergeConflict(each.branch, each.paths, each.reason)
        for each in report.conflicts
    }
    return told | {
        each.branch: MergeConflict(
            each.branch,
            (),
            each.checked.why,
            Cause.CHECK,
            each.checked.output,
            each.company,
        )
        for each in report.broken
    }


def _with_resolvers(
    work: Work, told: dict[str, MergeConflict]
) -> dict[str, MergeConflict]:
    """Say of each conflict which task was to resolve it, the last if there are more."""
    resolvers = {
        task.resolves: f"{work.run.id}/{name}"
        for name, task in work.tasks.items()
        if task.resolves is not None
    }
    return {
        branch: replace(why, resolver=resolvers.get(branch))
        for branch, why in told.items()
    }


def _judged(report: MergeReport, check: CheckLine) -> MergeCheck:
    found = report.check
    if found is None or found.is_passed:
        return MergeCheck(check.line, is_passed=True)
    return MergeCheck(
        check.line,
        is_passed=False,
        why=found.why,
        output=found.output,
        base_fails=report.base_fails,
    )


async def merged_before(home: str, work: Work) -> Merged | None:
    """Return what an earlier merge holds, None when there was none."""
    try:
        repo = await open_repository(Path(work.root))
    except SwarmError:
        # A report needs no repository: it may have gone since.
        return None
    branch = merged_branch(work.run.id)
    found = await find_branch(repo, branch)
    if found is None:
        return None
    missing = await unmerged(repo, work.branches, branch)
    record = read_record(home, work.run.id)
    aside = record.still_aside(await find_heads(repo, missing), None)
    line = record.passed_line if record.head == found.head else None
    told = {
        each: aside.get(each)
        or MergeConflict(each, (), "not in the merge", Cause.NOT_TRIED)
        for each in missing
    }
    return Merged(
        branch=branch,
        repo=work.root,
        merged=tuple(each for each in work.branches if each not in missing),
        conflicts=tuple(_with_resolvers(work, told).values()),
        left_out=work.left_out,
        check=None if line is None else MergeCheck(line, is_passed=True),
    )
