"""log --follow: print a session's lines as they come, for people."""

from __future__ import annotations

import time

from kimi_swarm.actions.log import read_lines
from kimi_swarm.actions.state import existing
from kimi_swarm.cli.exits import OK
from kimi_swarm.store.views import dialect_of, session_row

STEP_S = 0.25


def follow_log(home: str, session: str, *, is_raw: bool) -> int:
    """Print lines until the session is over."""
    seen = 0
    with existing(home, session) as connection:
        while True:
            row = session_row(connection, session)
            dialect = "" if is_raw else dialect_of(connection, row)
            lines, _ = read_lines(
                home, row, dialect, tail_only=False, is_whole_only=True
            )
            for line in lines[seen:]:
                print(line, flush=True)
            seen = len(lines)
            if row.state == "done":
                print(f"[{row.outcome}: {row.reason}]")
                return OK
            # Output goes straight from worker to file: nobody announces a new line.
            time.sleep(STEP_S)
