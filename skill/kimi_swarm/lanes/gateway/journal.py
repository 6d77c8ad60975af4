"""Which requests have begun, were sent and have ended, on disk before anything else.

A line in a file costs microseconds and outlives a killed gateway; from there rows go to
the store, many at a time. The next gateway takes up what the last one left: the rows,
and each moment at which one of them was sent, which may be long after it began.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kimi_swarm.core.estimate import OUTPUT_UNKNOWN
from kimi_swarm.location import gateway_journal_path
from kimi_swarm.store.requests import LOST, RequestRow

COMPACT_BYTES = 1 << 20


class Sending(NamedTuple):
    """That a request was sent: when, for the how manyth time, what it may use."""

    sent: str
    at: float
    tries: int
    tokens: int


@dataclass(slots=True)
class _Recent:
    """A request of which a sending is not remembered elsewhere."""

    row: RequestRow
    sendings: list[Sending] = field(default_factory=list)


class Journal:
    """The journal of one gateway; it alone writes there."""

    def __init__(self, home: str) -> None:
        self._path = gateway_journal_path(home)
        self._open: dict[str, RequestRow] = {}
        self._recent: dict[str, _Recent] = {}
        self._file = self._opened(self._path)

    @staticmethod
    def _opened(path: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags, 0o600)

    @property
    def in_flight(self) -> int:
        """How many requests have begun and not ended."""
        return len(self._open)

    def begin(self, row: RequestRow) -> None:
        """Write down that a request begins."""
        self._open[row.id] = row
        self._write(_line(row))

    def send(self, request: str, *, at: float, tokens: int) -> None:
        """Write down that a request is sent now, and how much it may use."""
        row = self._open[request]
        row = self._open[request] = row._replace(tries=row.tries + 1)
        sending = Sending(request, at, row.tries, tokens)
        recent = self._recent.setdefault(request, _Recent(row))
        recent.row = row
        recent.sendings.append(sending)
        self._write(_sent_line(sending))

    def end(self, row: RequestRow) -> None:
        """Write down how a request ended."""
        del self._open[row.id]
        if row.id in self._recent:
            self._recent[row.id].row = row
        self._write(_line(row))

    def remembered(self, at: float) -> None:
        """Forget what was sent until then: the pools' own file counts it."""
        for recent in self._recent.values():
            recent.sendings = [one for one in recent.sendings if one.at > at]
        self._recent = {
            request: recent
            for request, recent in self._recent.items()
            if recent.sendings
        }

    def forget_kept(self) -> None:
        """Forget every request that ended: the store has them all. Raises OSError.

        What was sent lately stays, as nothing else says when that was.
        """
        if os.fstat(self._file).st_size < COMPACT_BYTES and self._open:
            return
        aside = f"{self._path}.new"
        with suppress(FileNotFoundError):
            os.unlink(aside)  # noqa: PTH108 strings here
        file = self._opened(aside)
        os.write(file, b"".join(self._lines()))
        os.replace(aside, self._path)  # noqa: PTH105 as above
        os.close(self._file)
        self._file = file

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _lines(self) -> list[bytes]:
        recent = {request: one.row for request, one in self._recent.items()}
        rows = {**recent, **self._open}
        sendings = [each for one in self._recent.values() for each in one.sendings]
        return [*map(_line, rows.values()), *map(_sent_line, sendings)]

    def _write(self, line: bytes) -> None:
        # A full disk must not stop what runs: the row is in memory, and goes to the
        # store when there is room.
        with suppress(OSError):
            os.write(self._file, line)


class Left(NamedTuple):
    """What the last gateway left: rows that the store may lack, losses among them.

    `sendings` are those that its pools' file may lack.
    """

    rows: list[RequestRow]
    sendings: list[Sending]

    @property
    def lost(self) -> set[tuple[str, str]]:
        """The session and the digest of each request that it died over.

        One that was only held is none, unless an earlier gateway had died over it.
        """
        return {
            (row.session, row.digest)
            for row in self.rows
            if row.ending == LOST and (row.tries or row.sent_again)
        }


def read_left(home: str, *, at: float) -> Left:
    """Read what the last gateway of a state folder wrote; open requests are lost.

    One that was only held has no tries.
    """
    left = Left([], [])
    rows: dict[str, RequestRow] = {}
    tries: dict[str, int] = {}
    try:
        with open(gateway_journal_path(home), "rb") as file:  # noqa: PTH123 strings
            lines = file.read().splitlines()
    except FileNotFoundError:
        return left
    for line in lines:
        with suppress(ValueError, TypeError):  # it was killed in the midst of a line
            match json.loads(line):
                case dict(told):
                    sending = Sending(**told)
                    tries[sending.sent] = sending.tries
                    left.sendings.append(sending)
                case told:
                    row = RequestRow(*told)
                    rows[row.id] = row
    left.rows.extend(
        row if row.ending else _lost(row, max(row.tries, tries.get(row.id, 0)), at)
        for row in rows.values()
    )
    return left


def _lost(row: RequestRow, tries: int, at: float) -> RequestRow:
    """Return a request that its gateway died over: nobody knows what came of it."""
    return row._replace(
        ending=LOST,
        ended_at=at,
        tries=tries,
        estimated_output_tokens=OUTPUT_UNKNOWN if tries else 0,
    )


def _line(row: RequestRow) -> bytes:
    return _dumped(list(row))


def _sent_line(sending: Sending) -> bytes:
    return _dumped(sending._asdict())


def _dumped(told: Any) -> bytes:
    return json.dumps(told).encode() + b"\n"
