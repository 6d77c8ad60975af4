"""One session's row as a report tells of it: without secrets and terminal escapes."""

from __future__ import annotations

import json
from typing import Any

from kimi_swarm.core.redact import NOTHING_KNOWN, Secrets, redacted
from kimi_swarm.core.report import ChangedFile, TaskReport
from kimi_swarm.core.totals import usage_told, used_words
from kimi_swarm.core.usage_sums import summed
from kimi_swarm.store.views import SessionRow
from kimi_swarm.workers.plain import plain


def task_report(
    row: SessionRow,
    secrets: Secrets = NOTHING_KNOWN,
    *,
    result: str | None = None,
    label: str = "",
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
        label=told(label),
        usage=_usage(row, detail),
        cost=used_words(summed(detail["usage"])) if detail.get("usage") else "",
    )


def _usage(row: SessionRow, detail: dict[str, Any]) -> dict[str, Any] | None:
    has_run = row.state == "done" and row.started_at is not None
    told = usage_told(detail.get("usage"), has_run=has_run)
    return None if told is None else dict(told)


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
