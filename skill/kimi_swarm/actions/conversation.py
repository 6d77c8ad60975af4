"""Whether a worker that has ended can be spoken to again."""

from __future__ import annotations

import json

from kimi_swarm.core.task import Task, has_way_back
from kimi_swarm.store.views import SessionRow


def can_go_on(row: SessionRow, task: Task) -> bool:
    """Whether the conversation of a session that is over can be gone on with."""
    detail = json.loads(row.detail or "{}")
    return has_way_back(
        task,
        is_told="conversation" in detail,
        has_output=bool(row.summary or detail.get("tool_calls")),
    )
