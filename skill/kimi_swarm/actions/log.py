"""log: what a session's worker wrote, by lines, made readable. Light."""

from __future__ import annotations

import os
from collections.abc import Iterator

from kimi_swarm.actions.state import existing
from kimi_swarm.core.names import parse_session
from kimi_swarm.core.row import Row
from kimi_swarm.location import session_folder
from kimi_swarm.store.views import SessionRow, dialect_of, session_row
from kimi_swarm.workers.lines import LineReader
from kimi_swarm.workers.plain import plain
from kimi_swarm.workers.readable import readable_lines

DEFAULT_LINES = 200
TAIL_BYTES = 262_144
CHUNK_BYTES = 65_536


class LogPage(Row):
    """Some lines of a session's log.

    `first` is the 0-based number of the first line given, `total` how many there are;
    both are None when only the end of a huge log was read.
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

    What a worker wrote is stripped of terminal escapes; `is_raw` leaves its format as
    it is instead of reading it. Raises UnknownSessionError.
    """
    with existing(home, session) as connection:
        row = session_row(connection, session)
        dialect = "" if is_raw else dialect_of(connection, row)
    lines, is_cut = read_lines(home, row, dialect, tail_only=offset is None)
    if is_cut:
        return LogPage(row, lines[-(limit or DEFAULT_LINES) :], None, None)
    if offset is None:
        first = max(0, len(lines) - (limit or DEFAULT_LINES))
    else:
        first = min(offset, len(lines))
    last = len(lines) if limit is None else first + limit
    return LogPage(row, lines[first:last], first, len(lines))


def read_lines(
    home: str,
    row: SessionRow,
    dialect: str,
    *,
    tail_only: bool,
    is_whole_only: bool = False,
) -> tuple[list[str], bool]:
    """Return a session's readable lines, and whether earlier ones were left out.

    An empty `dialect` leaves lines as they are, but for terminal escapes. With
    `is_whole_only` a last line that may still grow is not given yet.
    """
    ident = parse_session(row.id)
    folder = session_folder(home, ident.run, ident.slug)
    lines: list[str] = []
    is_cut = False
    for part, name, heading in _PARTS:
        path = f"{folder}/{part}/{name}.log"
        start = _start(path, tail_only=tail_only)
        if start is None or (name == "err" and row.state != "done"):
            continue
        is_cut = is_cut or start > 0
        may_grow = is_whole_only and not os.path.exists(  # noqa: PTH110 light
            f"{folder}/{part}/exit.json"
        )
        raw = _raw_lines(path, start, may_grow=may_grow)
        found = (
            readable_lines(dialect, raw, is_stderr=name == "err")
            if part == "work" and dialect
            else (plain(line) for line in raw)
        )
        part_lines = list(found)
        if part_lines and heading:
            lines.append(heading)
        lines += part_lines
    return lines, is_cut


# Standard error comes last and only at the end: lines already told keep their numbers.
_PARTS = (
    ("setup", "out", "[setup]"),
    ("work", "out", ""),
    ("check", "out", "[check]"),
    ("work", "err", "[standard error]"),
)


def _start(path: str, *, tail_only: bool) -> int | None:
    """Return the byte from which to read, None where there is no such file."""
    try:
        size = os.stat(path).st_size  # noqa: PTH116 light
    except OSError:
        return None
    return max(0, size - TAIL_BYTES) if tail_only else 0


def _raw_lines(path: str, start: int, *, may_grow: bool) -> Iterator[str]:
    reader = LineReader()
    with open(path, "rb") as file:  # noqa: PTH123 light
        file.seek(start)
        if start:
            file.readline(TAIL_BYTES)  # the first line is torn
        while chunk := file.read(CHUNK_BYTES):
            yield from reader.feed(chunk)
    if not may_grow:
        yield from reader.end()
