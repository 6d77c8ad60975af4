"""log --follow: print a session's lines as they come, for people."""

from __future__ import annotations

import time

from kimi_swarm.actions.output import lines_after, streams_of
from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import existing
from kimi_swarm.cli.exits import OK
from kimi_swarm.core.redact import redacted_lines
from kimi_swarm.store.views import dialect_of, session_row
from kimi_swarm.telling.output import quoted

STEP_S = 0.25


def follow_log(home: str, session: str, *, is_raw: bool) -> int:
    """Print lines until the session is over."""
    places: dict[str, int] = {}
    with existing(home, session) as connection:
        while True:
            row = session_row(connection, session)
            dialect = "text" if is_raw else dialect_of(connection, row)
            for stream in streams_of(home, row, dialect):
                place = places.get(stream.name, 0)
                lines, places[stream.name] = lines_after(stream, place)
                lines = redacted_lines(lines, secrets_of(home, row.run))
                for line in lines if is_raw else quoted(lines):
                    print(line, flush=True)
            if row.state == "done":
                print(f"[{row.outcome}: {row.reason}]")
                return OK
            # Output goes straight from worker to file: nobody announces a new line.
            time.sleep(STEP_S)
