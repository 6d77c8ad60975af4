"""Passing on: a task's worker is told what the tasks that it needs produced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kimi_swarm.core.handover import Produced, candidates, handover
from kimi_swarm.store.database import Connection
from kimi_swarm.store.views import SessionRow, latest_sessions, result_of
from kimi_swarm.supervisor.prepare import Seat
from kimi_swarm.supervisor.repositories import repository_of_session
from kimi_swarm.workspace.changes import diff_text

WHOLE_CHARS = 4_000
PATCH_BYTES = 20_000


async def what_came_before(connection: Connection, seat: Seat) -> str:
    """Return what a session's worker is told of its needs; "" where it hears nothing.

    Results that are long are also written whole into the session's folder, and named.
    A judge is shown its candidates instead. Raises GitError.
    """
    task = seat.task
    if seat.former is not None or not (task.hears_needs and task.needs):
        return ""
    rows = {row.task: row for row in latest_sessions(connection, seat.id.run)}
    shown = [rows[need] for need in task.judges or task.needs if need in rows]
    with_changes = task.sees_changes or bool(task.judges)
    produced = [
        await _produced(connection, seat, row, with_changes=with_changes)
        for row in shown
    ]
    return candidates(produced) if task.judges else handover(produced)


async def _produced(
    connection: Connection, seat: Seat, row: SessionRow, *, with_changes: bool
) -> Produced:
    detail = json.loads(row.detail or "{}")
    result = result_of(connection, row.id)
    file = None
    if result is not None and len(result) > WHOLE_CHARS:
        file = f"{seat.folder}/from-{row.task}.json"
        Path(seat.folder).mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 one local mkdir
        Path(file).write_text(result, "utf-8")  # noqa: ASYNC240 as above
    changes = None
    if with_changes and row.base is not None and row.head not in (None, row.base):
        changes = await _patch(connection, row)
    return Produced(
        row.task,
        row.summary or "",
        None if result is None else _indented(result),
        row.branch if row.head is not None else None,
        file,
        changes,
        _evidence(detail),
    )


async def _patch(connection: Connection, row: SessionRow) -> str:
    """Return what a session itself changed: of one that mends another, only that."""
    repo = await repository_of_session(connection, row)
    return await diff_text(
        repo, row.base or "", row.head or "", limit_bytes=PATCH_BYTES
    )


def _evidence(detail: dict[str, Any]) -> str:
    told = []
    if (check := detail.get("check")) is not None:
        is_good = check.get("exit_code") == 0
        told.append("Its check passed." if is_good else "Its check failed.")
    if files := detail.get("files_total"):
        told.append(f"It changed {files} {'file' if files == 1 else 'files'}.")
    return " ".join(told)


def _indented(result: str) -> str:
    return json.dumps(json.loads(result), ensure_ascii=False, indent=1)
