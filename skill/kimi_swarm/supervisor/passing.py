"""Passing on: a task's worker is told what the tasks that it needs produced."""

from __future__ import annotations

import json
from pathlib import Path

from kimi_swarm.core.handover import Produced, handover
from kimi_swarm.store.database import Connection
from kimi_swarm.store.views import SessionRow, latest_sessions, result_of
from kimi_swarm.supervisor.prepare import Seat

WHOLE_CHARS = 4_000


def what_came_before(connection: Connection, seat: Seat) -> str:
    """Return what a session's worker is told of its needs; "" where it hears nothing.

    Results that are long are also written whole into the session's folder, and named.
    """
    task = seat.task
    if seat.former is not None or not (task.hears_needs and task.needs):
        return ""
    rows = {row.task: row for row in latest_sessions(connection, seat.id.run)}
    produced = [
        _produced(connection, seat, rows[need]) for need in task.needs if need in rows
    ]
    return handover(produced)


def _produced(connection: Connection, seat: Seat, row: SessionRow) -> Produced:
    result = result_of(connection, row.id)
    branch = row.branch if row.head is not None else None
    file = None
    if result is not None and len(result) > WHOLE_CHARS:
        file = f"{seat.folder}/from-{row.task}.json"
        Path(seat.folder).mkdir(parents=True, exist_ok=True)
        Path(file).write_text(result, "utf-8")
    shown = None if result is None else _indented(result)
    return Produced(row.task, row.summary or "", shown, branch, file)


def _indented(result: str) -> str:
    return json.dumps(json.loads(result), ensure_ascii=False, indent=1)
