"""Rows as the contract's JSON objects. Imported only for --json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from kimi_swarm.core.names import COMMAND
from kimi_swarm.core.totals import NANO, Totals, usage_told
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.inbox import OVER
from kimi_swarm.store.views import EventRow, RunRow, SessionRow
from kimi_swarm.telling.words import told

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from typing import Any

    from kimi_swarm.actions.inbox import Inbox
    from kimi_swarm.core.report import Report
    from kimi_swarm.store.notices import NoticeRow

VERSION = 1


def versioned(fields: dict[str, Any]) -> dict[str, Any]:
    """Return an object as the outside gets it."""
    return {**fields, "version": VERSION}


def error_object(error: SwarmError) -> dict[str, Any]:
    """Return an error: its code, its sentence and its remedy."""
    fields = {"code": error.code, "message": str(error), "remedy": error.remedy}
    return versioned({"error": fields})


def plain_data(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as JSON would give them back: lists for tuples, text for words."""
    made: dict[str, Any] = json.loads(json.dumps(fields))
    return made


def moment(at: float | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def run_object(
    row: RunRow,
    sessions: Sequence[SessionRow] | None,
    *,
    totals: Totals | None = None,
) -> dict[str, Any]:
    """Return a run, with its sessions and what they used where that was asked for."""
    fields: dict[str, Any] = {
        "run": row.id,
        "name": row.name,
        "state": row.state,
        "counts": row.counts,
        "repo": row.repo,
        "base": row.base,
        "created_at": moment(row.created_at),
        "ended_at": moment(row.ended_at),
        "paused_at": moment(row.paused_at),
        "held": row.held,
        "warned": row.warned,
        "owner": row.owner or None,
    }
    if sessions is not None:
        fields["sessions"] = [session_object(session) for session in sessions]
    if totals is not None:
        fields["usage"] = totals_object(totals)
    return fields


def notice_object(notice: NoticeRow) -> dict[str, Any]:
    """Return whom a host is to tell of a run's end, and how far that is."""
    return {
        "session_key": notice.asker,
        "state": notice.state,
        "completion": None if notice.seq is None else notice.end.id,
        "tries": notice.tries,
        "due_at": moment(notice.due_at) if notice.state == "due" else None,
        "trouble": told(notice.trouble) or None,
    }


def report_object(report: Report) -> dict[str, Any]:
    """Return a report."""
    from dataclasses import asdict  # noqa: PLC0415 most objects need it not

    fields = asdict(report)
    del fields["used"]
    counts = report.counts
    return {**fields, "counts": counts, "usage": totals_object(report.used)}


def totals_object(totals: Totals) -> dict[str, Any]:
    """Return sums of what sessions used; money is null where none of it is known."""
    known = totals.knows_usd
    return {
        "sessions": totals.sessions,
        "outcomes": {
            name: count
            for name, count in zip(totals._fields[:6], totals, strict=False)
            if count
        },
        "requests": totals.requests,
        "input_tokens": totals.input_tokens,
        "cached_tokens": totals.cached_tokens,
        "output_tokens": totals.output_tokens,
        "reasoning_tokens": totals.reasoning_tokens,
        "cost_usd": usd(totals.nano_usd) if known else None,
        "cost_per_success_usd": usd(totals.nano_usd // totals.succeeded)
        if known and totals.succeeded
        else None,
        "measured": _known(totals.measured_tokens, totals.measured_nano_usd),
        "told": _known(totals.told_tokens, totals.told_nano_usd),
        "estimated": _known(totals.estimated_tokens, totals.estimated_nano_usd),
        # So many sessions used more than is said above.
        "unknown": {
            "requests": totals.unknown_requests,
            "tokens": totals.unknown_tokens,
            "cost_usd": totals.unknown_usd,
        },
        "retries": totals.retries,
        "held_s": totals.held_ms / 1000,
    }


def _known(tokens: int, nano_usd: int) -> dict[str, Any]:
    return {"tokens": tokens, "cost_usd": usd(nano_usd)}


def usd(nano_usd: int) -> float:
    """Return US dollars with six places."""
    return round(nano_usd / NANO, 6)


def inbox_object(found: Inbox) -> dict[str, Any]:
    """Return the ends that are new to an asker."""
    told = [
        {
            **run_object(each.run, None),
            "completion": each.end.id,
            "event": "run_ended" if each.end.held is None else "run_stuck",
            "completed_at": moment(each.end.at),
        }
        for each in found.completions
    ]
    return {"completions": told, "has_more": found.has_more}


def session_object(row: SessionRow) -> dict[str, Any]:
    """Return a session."""
    detail: dict[str, Any] = json.loads(row.detail) if row.detail else {}
    is_over = row.state == "done" and row.started_at is not None
    has_run = is_over and row.profile != COMMAND
    return {
        "id": row.id,
        "run": row.run,
        "task": row.task,
        "attempt": row.attempt,
        "profile": row.profile,
        "state": row.state,
        "outcome": row.outcome,
        "reason": row.reason or row.cause,
        "asking": None if row.asking is None else told(row.asking),
        "follows": row.follows,
        "message": told(detail.pop("sentence", None)) or None,
        "remedy": detail.pop("remedy", None),
        "exit_code": row.exit_code,
        "created_at": moment(row.created_at),
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "tries": row.tries,
        "ready_at": moment(row.ready_at or None),
        "usage": usage_told(detail.pop("usage", None), has_run=has_run),
        "workspace": row.workspace,
        "branch": row.branch,
        "base": row.base,
        "head": row.head,
        "summary": told(row.summary) or None,
        **detail,
    }


def event_object(event: EventRow) -> dict[str, Any]:
    """Return an event."""
    ends = {"ended": event.session, **dict.fromkeys(OVER, event.run)}
    completion = ends.get(event.name)
    return {
        "seq": event.seq,
        "completion": f"{completion}#{event.seq}" if completion else None,
        "session": event.session,
        "event": event.name,
        "at": moment(event.at),
        **{
            name: told(value) if isinstance(value, str) else value
            for name, value in json.loads(event.data).items()
            if name != "at"
        },
    }
