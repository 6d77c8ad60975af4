"""log: what a session's worker wrote, by lines, made readable. Light."""

from __future__ import annotations

from collections.abc import Sequence

from kimi_swarm.actions.output import Stream, every_line, last_lines, streams_of
from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import existing
from kimi_swarm.core.redact import redacted_lines
from kimi_swarm.core.row import Row
from kimi_swarm.store.views import SessionRow, dialect_of, session_row

DEFAULT_LINES = 200


class LogPage(Row):
    """Some lines of a session's log; those that are not the worker's are `OurLine`.

    `first` is the 0-based number of the first line given, `total` how many there are;
    both are None when only the end of a long log was read.
    """

    session: SessionRow
    lines: list[str]
    first: int | None
    total: int | None


def log(
    home: str,
    session: str,
    *,
    offset: int | None = None,
    limit: int | None = None,
    is_raw: bool = False,
) -> LogPage:
    """Return lines of a session's log: the last 200, or `limit` lines from `offset`.

    What a worker wrote is stripped of terminal escapes and of secrets; `is_raw` leaves
    its format as it is instead of reading it. Raises UnknownSessionError.
    """
    with existing(home, session) as connection:
        row = session_row(connection, session)
        dialect = "text" if is_raw else dialect_of(connection, row)
        streams = streams_of(home, row, dialect)
        page = _page(row, streams, offset, limit)
        return page._replace(
            lines=redacted_lines(page.lines, secrets_of(home, row.run))
        )


def _page(
    row: SessionRow, streams: Sequence[Stream], offset: int | None, limit: int | None
) -> LogPage:
    if offset is None:
        wanted = DEFAULT_LINES if limit is None else limit
        lines, is_all = last_lines(streams, wanted)
        first = max(0, len(lines) - wanted)
        total = len(lines)
        if not is_all:
            return LogPage(row, lines[first:], None, None)
        return LogPage(row, lines[first:], first, total)
    lines = []
    total = 0
    for total, line in enumerate(every_line(streams), start=1):
        if total > offset and (limit is None or total <= offset + limit):
            lines.append(line)
    return LogPage(row, lines, min(offset, total), total)
