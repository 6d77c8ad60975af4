"""aggregate: fold a run's records to a report, and merge its branches if asked."""

from __future__ import annotations

from dataclasses import replace

from kimi_swarm.actions.applying import apply
from kimi_swarm.actions.fold import losers
from kimi_swarm.actions.forecast import forecast
from kimi_swarm.actions.merging import MergeWish, merge, merged_before, work_of
from kimi_swarm.actions.resolving import resolve_conflicts
from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import existing
from kimi_swarm.actions.stats import stats_of
from kimi_swarm.actions.task_reports import task_report
from kimi_swarm.core.merged import LikelyConflict, Merged
from kimi_swarm.core.report import Report, in_order
from kimi_swarm.store.runs import labels_of, notes_of
from kimi_swarm.store.views import latest_sessions, result_of, run_row
from kimi_swarm.workspace.apply_errors import NothingMergedError

NO_WISH = MergeWish()


async def aggregate(
    home: str, run: str, *, is_merging: bool = False, wish: MergeWish = NO_WISH
) -> Report:
    """Return a run's report; with `is_merging` merge what succeeded, in plan order.

    Nothing is ever dropped: a branch that conflicts, or breaks the check, stays as it
    is and is named. Raises UnknownRunError, CheckLostError, NotAppliedError and the
    workspace room's errors.
    """
    with existing(home, run) as connection:
        row = run_row(connection, run)
        sessions = latest_sessions(connection, run)
        secrets = secrets_of(home, run)
        results = [result_of(connection, session.id) for session in sessions]
        merged: Merged | None = None
        likely: tuple[LikelyConflict, ...] = ()
        work = work_of(connection, row, sessions)
        if work is not None:
            work = work._replace(spared=losers(home, run))
        if work is not None and is_merging:
            merged = await merge(home, connection, work, wish)
            if wish.resolve:
                merged = await resolve_conflicts(home, work, merged, wish)
        elif work is not None:
            merged = await merged_before(home, work)
            if merged is None:
                likely = await forecast(home, work)
        if wish.apply:
            if work is None or merged is None or not merged.merged:
                raise NothingMergedError(run, was_tried=is_merging)
            applied = await apply(home, connection, work, merged, wish)
            merged = replace(merged, applied=applied)
        notes = tuple(notes_of(connection, run))
        if row.warned is not None:
            notes = (*notes, f"Used up, or nearly: {row.warned}.")
        labels = labels_of(connection, run)
        used = stats_of(connection, run).total
    # A clock may have been set back meanwhile.
    wall_s = None if row.ended_at is None else max(0.0, row.ended_at - row.created_at)
    tasks = in_order(
        [
            task_report(
                session, secrets, result=result, label=labels.get(session.task, "")
            )
            for session, result in zip(sessions, results, strict=True)
        ]
    )
    return Report(
        row.id,
        row.name,
        row.state,
        wall_s,
        tasks,
        merged,
        notes,
        likely,
        used,
        row.owner or None,
        None if row.state == "done" else row.held,
    )
