"""aggregate: fold a run's records to a report, and merge its branches if asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import existing
from kimi_swarm.core.names import merged_branch
from kimi_swarm.core.redact import NOTHING_KNOWN, Secrets, redacted
from kimi_swarm.core.report import (
    ChangedFile,
    MergeConflict,
    Merged,
    Report,
    TaskReport,
    in_order,
)
from kimi_swarm.core.task import WorkspaceMode
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import workspace_folder
from kimi_swarm.store.database import Connection
from kimi_swarm.store.runs import notes_of, tasks_of
from kimi_swarm.store.views import (
    RunRow,
    SessionRow,
    latest_sessions,
    result_of,
    run_row,
)
from kimi_swarm.workers.plain import plain
from kimi_swarm.workspace.branches import find_branch, unmerged
from kimi_swarm.workspace.merge import merge_branches
from kimi_swarm.workspace.repository import open_repository


async def aggregate(home: str, run: str, *, is_merging: bool = False) -> Report:
    """Return a run's report; with `is_merging` merge what succeeded, in plan order.

    Nothing is ever dropped: a branch that conflicts stays as it is and is named.
    Raises UnknownRunError and the workspace room's errors.
    """
    with existing(home, run) as connection:
        row = run_row(connection, run)
        sessions = latest_sessions(connection, run)
        secrets = secrets_of(home, run)
        results = [result_of(connection, session.id) for session in sessions]
        merged = await _merge(home, connection, row, sessions, is_merging=is_merging)
        notes = tuple(notes_of(connection, run))
    # A clock may have been set back meanwhile.
    wall_s = None if row.ended_at is None else max(0.0, row.ended_at - row.created_at)
    tasks = in_order(
        [
            task_report(session, secrets, result=result)
            for session, result in zip(sessions, results, strict=True)
        ]
    )
    return Report(row.id, row.name, row.state, wall_s, tasks, merged, notes)


def task_report(
    row: SessionRow, secrets: Secrets = NOTHING_KNOWN, *, result: str | None = None
) -> TaskReport:
    """Fold one session's row, without secrets; `result` is JSON text."""

    def told(text: str | None) -> str:
        return redacted(plain(text or ""), secrets)

    detail: dict[str, Any] = json.loads(row.detail) if row.detail else {}
    duration_s = None
    if row.started_at is not None and row.ended_at is not None:
        duration_s = max(0.0, row.ended_at - row.started_at)
    return TaskReport(
        task=row.task,
        session=row.id,
        profile=row.profile,
        attempt=row.attempt,
        outcome=row.outcome or row.state,
        reason=row.reason or row.cause or row.state,
        sentence=told(detail.get("sentence")),
        remedy=detail.get("remedy", ""),
        summary=told(row.summary),
        files=tuple(
            ChangedFile(told(each["path"]), each["status"])
            for each in detail.get("files", ())
        ),
        files_total=detail.get("files_total", 0),
        duration_s=duration_s,
        branch=row.branch,
        result=None if result is None else _harmless(json.loads(result), secrets),
        result_state=detail.get("result", {}).get("state"),
        result_why=told(detail.get("result", {}).get("why")),
    )


def _harmless(value: Any, secrets: Secrets) -> Any:
    """Return a result without secrets and terminal escapes in its texts."""
    match value:
        case str():
            return redacted(plain(value), secrets)
        case dict():
            return {
                _harmless(name, secrets): _harmless(each, secrets)
                for name, each in value.items()
            }
        case list():
            return [_harmless(each, secrets) for each in value]
        case _:
            return value


async def _merge(
    home: str,
    connection: Connection,
    run: RunRow,
    sessions: list[SessionRow],
    *,
    is_merging: bool,
) -> Merged | None:
    """Merge the branches that hold finished work, or tell of a merge made before."""
    modes = {task.name: task.workspace.mode for task in tasks_of(connection, run.id)}
    ours = [row for row in sessions if modes[row.task] is WorkspaceMode.WORKTREE]
    if run.repo is None or run.base is None or not ours:
        return None
    done = [row for row in ours if row.outcome == "succeeded" and row.branch]
    branches = [row.branch for row in done if row.branch is not None]
    branch = merged_branch(run.id)
    if not is_merging:
        return await _merged_before(run.repo, branch, branches)
    repo = await open_repository(Path(run.repo))
    report = await merge_branches(
        repo,
        into=branch,
        base=run.base,
        path=Path(workspace_folder(home, run.id, "merged")),
        branches=branches,
    )
    return Merged(
        branch=branch,
        repo=run.repo,
        merged=(*report.merged, *report.contained),
        conflicts=tuple(
            MergeConflict(each.branch, each.paths, each.reason)
            for each in report.conflicts
        ),
        left_out=tuple(
            f"{row.task} ({row.outcome or row.state})"
            for row in ours
            if row not in done
        ),
    )


async def _merged_before(root: str, branch: str, branches: list[str]) -> Merged | None:
    """Return what an earlier merge holds, None when there was none."""
    try:
        repo = await open_repository(Path(root))
    except SwarmError:
        # A report needs no repository: it may have gone since.
        return None
    if await find_branch(repo, branch) is None:
        return None
    missing = await unmerged(repo, branches, branch)
    merged = tuple(each for each in branches if each not in missing)
    conflicts = tuple(MergeConflict(each, (), "not in the merge") for each in missing)
    return Merged(branch, root, merged, conflicts)
