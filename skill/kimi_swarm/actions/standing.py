"""A run that stands already, to which tasks are to be added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from kimi_swarm.actions.state import existing
from kimi_swarm.core.proposal import proposed_plan
from kimi_swarm.errors import UsageError
from kimi_swarm.store.runs import concurrency_of
from kimi_swarm.store.views import latest_sessions, result_of, run_row


class Standing(NamedTuple):
    """What added tasks have to know of their run: its tasks, repository and base.

    Of each task it is known whether it may still succeed, or did. `concurrency` is how
    many of its workers may work at once, `proposal` the plan that one of its tasks
    proposes, if any.
    """

    run: str
    tasks: dict[str, bool]
    repo: str | None
    base: str | None
    concurrency: int
    proposal: dict[str, Any] | None = None

    def beginning(self) -> tuple[Path, str]:
        """Return the repository and the commit from which its tasks begin.

        Raises UsageError where it works on none.
        """
        if self.repo is None:
            raise UsageError(
                f"Run {self.run} works on no repository.",
                remedy="Give tasks that are added the workspace none or fresh.",
            )
        return Path(self.repo), self.base or "HEAD"


def find_standing(home: str, run: str) -> Standing:
    """Look up a run by its id. Raises UnknownRunError."""
    with existing(home, run) as connection:
        row = run_row(connection, run)
        sessions = latest_sessions(connection, run)
        concurrency = concurrency_of(connection, run)
        found = {each.task: result_of(connection, each.id) for each in sessions}
    results = {task: json.loads(text) for task, text in found.items() if text}
    tasks = {one.task: one.outcome in (None, "succeeded") for one in sessions}
    proposal = proposed_plan(results)
    return Standing(run, tasks, row.repo, row.base, concurrency, proposal)
