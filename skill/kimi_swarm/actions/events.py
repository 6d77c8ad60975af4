"""events: what happens in a run, from a place in its diary on."""

from __future__ import annotations

from kimi_swarm.actions.poll import TOLD
from kimi_swarm.actions.state import Line, changes, existing
from kimi_swarm.core.row import Row
from kimi_swarm.store.views import EventRow, events_after, run_row


class Happened(Row):
    """Events of a run, oldest first; `is_over` if no more will come by themselves."""

    events: list[EventRow]
    is_over: bool


def events_since(
    home: str, run: str, seq: int, *, line: Line | None = None
) -> Happened:
    """Wait until a run has events after `seq`, or is over. Raises UnknownRunError.

    Whoever cuts the `line` ends the wait.
    """
    with existing(home, run) as connection:
        run_row(connection, run)
        for _ in changes(home, connection, None, line=line):
            # Asked before: what comes with the end is in the diary by then.
            is_over = run_row(connection, run).state == "done"
            found = events_after(connection, run, seq, names=TOLD)
            if found or is_over:
                return Happened(found, is_over and not found)
        return Happened([], False)
