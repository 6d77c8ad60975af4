"""A session's output files as readable lines: all, the end, or what is new. Light.

A place in a file is a count of bytes from the very first one that the worker wrote,
also of those that were cut since: `poll` keeps such places, and reads only what is
behind them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from kimi_swarm.core.names import parse_session
from kimi_swarm.core.row import Row
from kimi_swarm.location import session_folder
from kimi_swarm.process.log_end import cut_of
from kimi_swarm.store.views import SessionRow
from kimi_swarm.workers.lines import LineReader, decoded
from kimi_swarm.workers.readable import OurLine, Reading

FIRST_LOOK_BYTES = 16_384
TAIL_BYTES = 262_144
NEWS_BYTES = 1 << 20
TORN_BYTES = 4_096
CHUNK_BYTES = 65_536

# Standard error comes last and only at the end: lines already told keep their numbers.
_PARTS = (
    ("setup", "out", "[setup]"),
    ("work", "out", ""),
    ("repair-1", "out", "[repair 1]"),
    ("repair-2", "out", "[repair 2]"),
    ("check", "out", "[check]"),
    ("work", "err", "[standard error]"),
    ("repair-1", "err", "[standard error of repair 1]"),
    ("repair-2", "err", "[standard error of repair 2]"),
)


class Stream(Row):
    """One output file of a session, and how it is read.

    `heading` stands before its lines. While it `may_grow`, a last line without its end
    is not given yet.
    """

    name: str
    path: str
    heading: str
    dialect: str
    is_stderr: bool
    may_grow: bool


def streams_of(home: str, row: SessionRow, dialect: str) -> list[Stream]:
    """Return the output files that a session has by now, in the order of reading."""
    ident = parse_session(row.id)
    folder = session_folder(home, ident.run, ident.slug)
    streams: list[Stream] = []
    for part, name, heading in _PARTS:
        path = f"{folder}/{part}/{name}.log"
        if name == "err" and row.state != "done":
            continue
        if os.path.exists(path):  # noqa: PTH110 light
            may_grow = row.state != "done" and not os.path.exists(  # noqa: PTH110 light
                f"{folder}/{part}/exit.json"
            )
            read_as = "text" if part in ("setup", "check") else dialect
            is_stderr = name == "err"
            known = (f"{part}-{name}", path, heading, read_as, is_stderr, may_grow)
            streams.append(Stream(*known))
    return streams


def every_line(streams: Sequence[Stream]) -> Iterator[str]:
    """Yield every line that is kept, also a last one that may still grow."""
    for stream in streams:
        lines = _kept_lines(stream)
        first = next(lines, None)
        if first is not None:
            yield from _headed(stream, [first])
            yield from lines


def last_lines(streams: Sequence[Stream], wanted: int) -> tuple[list[str], bool]:
    """Return the last lines, at least `wanted` if they lie in the last 256 KiB.

    Also returns whether these are all there are. How long the files are costs nothing.
    """
    found: list[str] = []
    is_all = True
    for stream in reversed(streams):
        if len(found) >= wanted:
            return found, False
        lines, is_whole = _end_of(stream, wanted - len(found))
        is_all = is_all and is_whole
        found = [*(_headed(stream, lines) if lines else ()), *found]
    return found, is_all


def lines_after(
    stream: Stream, place: int, *, limit_bytes: int | None = NEWS_BYTES
) -> tuple[list[str], int]:
    """Return the whole lines behind a place, and the place behind them.

    What lies more than `limit_bytes` before the end is left out, and a line says so.
    """
    cut = cut_of(stream.path)
    with open(stream.path, "rb") as file:  # noqa: PTH123 light
        size = os.fstat(file.fileno()).st_size
        end = cut.gone_bytes + size - cut.note_bytes
        begin = max(place, cut.gone_bytes)
        if limit_bytes is not None:
            begin = max(begin, end - limit_bytes)
        if end <= begin:
            return [], place
        offset = begin - cut.gone_bytes + cut.note_bytes
        # The byte before tells whether this is the beginning of a line.
        file.seek(max(0, offset - 1))
        before = b"\n" if offset == 0 else file.read(1)
        raw = file.read(end - begin)
    skipped = _torn_bytes(raw, before, is_new=begin > place)
    if begin > place and b"\n" not in raw:
        stream = stream._replace(may_grow=False)  # who knows when that line ends
    lines, used = _read(stream, raw[skipped:])
    place_behind = begin + skipped + used
    if lines:
        left_out = begin + skipped - place if begin > place else 0
        lines = [*_note(left_out), *lines]
        lines = _headed(stream, lines) if place == 0 else lines
    return lines, place_behind if lines or begin == place else place


def _torn_bytes(raw: bytes, before: bytes, *, is_new: bool) -> int:
    """Return how much of the bytes belongs to a line that began before them.

    Of an endless line whose beginning was left out (`is_new`), the end is shown.
    """
    if before == b"\n":
        return 0
    behind = raw.find(b"\n") + 1
    if behind and (behind < len(raw) or not is_new):
        return behind
    return max(0, len(raw) - TORN_BYTES) if is_new else len(raw)


def _read(stream: Stream, raw: bytes) -> tuple[list[str], int]:
    """Read whole lines; return them readable, and how many bytes they took."""
    reading = Reading(stream.dialect, is_stderr=stream.is_stderr)
    *whole, rest = raw.split(b"\n")
    lines: list[str] = []
    count = used = told = 0
    for line in whole:
        used += len(line) + 1
        lines += reading.lines(decoded(line))
        if not reading.holds_back:
            count, told = len(lines), used
    if stream.may_grow:
        return lines[:count], told
    if rest:
        lines += reading.lines(decoded(rest))
    return [*lines, *reading.end()], len(raw)


def _end_of(stream: Stream, wanted: int) -> tuple[list[str], bool]:
    """Return the last lines of one file, and whether they are all that it keeps."""
    cut = cut_of(stream.path)
    whole = stream._replace(may_grow=False)
    with open(stream.path, "rb") as file:  # noqa: PTH123 light
        size = os.fstat(file.fileno()).st_size
        look_bytes = FIRST_LOOK_BYTES
        while True:
            start = max(cut.note_bytes, size - look_bytes)
            file.seek(max(0, start - 1))
            before = b"\n" if start == 0 else file.read(1)
            raw = file.read(look_bytes)
            skipped = _torn_bytes(raw, before, is_new=look_bytes >= TAIL_BYTES)
            lines, _ = _read(whole, raw[skipped:])
            if start <= cut.note_bytes:
                return [*_note(cut.gone_bytes), *lines], True
            if len(lines) >= wanted or look_bytes >= TAIL_BYTES:
                return lines, False
            look_bytes *= 4


def _kept_lines(stream: Stream) -> Iterator[str]:
    cut = cut_of(stream.path)
    yield from _note(cut.gone_bytes)
    reader = LineReader()
    reading = Reading(stream.dialect, is_stderr=stream.is_stderr)
    with open(stream.path, "rb") as file:  # noqa: PTH123 light
        file.seek(cut.note_bytes)
        while chunk := file.read(CHUNK_BYTES):
            for line in reader.feed(chunk):
                yield from reading.lines(line)
    for line in reader.end():
        yield from reading.lines(line)
    yield from reading.end()


def _headed(stream: Stream, lines: list[str]) -> list[str]:
    return [OurLine(stream.heading), *lines] if stream.heading else lines


def _note(left_out_bytes: int) -> list[str]:
    if not left_out_bytes:
        return []
    return [OurLine(f"[{left_out_bytes} bytes of output left out here]")]
