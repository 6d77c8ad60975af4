"""Which requests have begun and how they ended, on disk before anything else happens.

A line in a file costs microseconds and outlives a killed gateway; from there rows go to
the store, many at a time. The next gateway takes up what the last one left.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import NamedTuple

from kimi_swarm.core.estimate import OUTPUT_UNKNOWN
from kimi_swarm.location import gateway_journal_path
from kimi_swarm.store.requests import LOST, RequestRow

COMPACT_BYTES = 1 << 20


class Journal:
    """The journal of one gateway; it alone writes there."""

    def __init__(self, home: str) -> None:
        self._path = gateway_journal_path(home)
        self._open: dict[str, RequestRow] = {}
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
        self._write(row)

    def end(self, row: RequestRow) -> None:
        """Write down how a request ended."""
        del self._open[row.id]
        self._write(row)

    def forget_kept(self) -> None:
        """Forget every request that ended: the store has them all. Raises OSError."""
        if os.fstat(self._file).st_size < COMPACT_BYTES and self._open:
            return
        aside = f"{self._path}.new"
        with suppress(FileNotFoundError):
            os.unlink(aside)  # noqa: PTH108 strings here
        file = self._opened(aside)
        os.write(file, b"".join(_line(row) for row in self._open.values()))
        os.replace(aside, self._path)  # noqa: PTH105 as above
        os.close(self._file)
        self._file = file

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _write(self, row: RequestRow) -> None:
        # A full disk must not stop what runs: the row is in memory, and goes to the
        # store when there is room.
        with suppress(OSError):
            os.write(self._file, _line(row))


class Left(NamedTuple):
    """What the last gateway left: rows that the store may lack, losses among them."""

    rows: list[RequestRow]

    @property
    def lost(self) -> set[tuple[str, str]]:
        """The session and the digest of each request that it died over."""
        return {(row.session, row.digest) for row in self.rows if row.ending == LOST}


def read_left(home: str, *, at: float) -> Left:
    """Read what the last gateway of a state folder wrote; open requests are lost."""
    rows: dict[str, RequestRow] = {}
    try:
        with open(gateway_journal_path(home), "rb") as file:  # noqa: PTH123 strings
            lines = file.read().splitlines()
    except FileNotFoundError:
        return Left([])
    for line in lines:
        with suppress(ValueError, TypeError):  # it was killed in the midst of a line
            row = RequestRow(*json.loads(line))
            rows[row.id] = row
    return Left([row if row.ending else _lost(row, at) for row in rows.values()])


def _lost(row: RequestRow, at: float) -> RequestRow:
    """Return a request that its gateway died over: nobody knows what came of it."""
    return row._replace(
        ending=LOST, ended_at=at, tries=1, estimated_output_tokens=OUTPUT_UNKNOWN
    )


def _line(row: RequestRow) -> bytes:
    return json.dumps(list(row)).encode() + b"\n"
