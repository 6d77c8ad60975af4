"""kill: end a session, a run or everything, and see it ended. Light."""

from __future__ import annotations

import time

from kimi_swarm.actions.state import Line, changes, existing, reading
from kimi_swarm.core.names import is_session
from kimi_swarm.core.row import Row
from kimi_swarm.store.database import Connection
from kimi_swarm.store.views import SessionRow, run_row, session_row
from kimi_swarm.store.wishes import wish_stop

SEEN_WITHIN_S = 20.0
EVERYTHING = "*"


class Killed(Row):
    """The sessions that were told to end, as they stand now."""

    sessions: list[SessionRow]

    @property
    def still_live(self) -> list[SessionRow]:
        """Those that have not ended yet."""
        return [row for row in self.sessions if row.state != "done"]


def kill(
    home: str,
    scope: str,
    *,
    owner: str = "",
    seen_within_s: float = SEEN_WITHIN_S,
    line: Line | None = None,
) -> Killed:
    """Ask a session, a run or (`*`) everything to end; wait a while to see it.

    With an `owner` everything is what belongs to that asker. What is over already is
    left alone. Whoever cuts the `line` ends the wait, not the killing. Raises
    UnknownRunError, UnknownSessionError.
    """
    if scope == EVERYTHING:
        with reading(home) as connection:
            if connection is None:
                return Killed([])
            told = wish_stop(connection, scope, "killed", owner=owner)
            return _seen(home, connection, told, seen_within_s, line)
    with existing(home, scope) as connection:
        if is_session(scope):
            session_row(connection, scope)
        else:
            run_row(connection, scope)
        told = wish_stop(connection, scope, "killed")
        return _seen(home, connection, told, seen_within_s, line)


def _seen(
    home: str,
    connection: Connection,
    told: list[str],
    seen_within_s: float,
    line: Line | None,
) -> Killed:
    if told:
        from kimi_swarm.process.detach import (  # noqa: PLC0415 only if there is a wish
            ensure_supervisor,
        )

        ensure_supervisor(home)
    deadline = time.monotonic() + seen_within_s
    rows = [session_row(connection, session) for session in told]
    for _ in changes(home, connection, deadline, line=line) if told else ():
        rows = [session_row(connection, session) for session in told]
        if all(row.state == "done" for row in rows):
            break
    return Killed(rows)
