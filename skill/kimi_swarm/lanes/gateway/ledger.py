"""The book of requests: journal first, then the store, in the background."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import count

import anyio
import anyio.to_thread

from kimi_swarm.errors import SwarmError
from kimi_swarm.lanes.gateway.journal import Journal, read_left
from kimi_swarm.process.clock import now
from kimi_swarm.store.database import DatabaseError, open_database
from kimi_swarm.store.requests import RequestRow, keep_requests

GATHER_S = 0.1
AGAIN_S = 1.0


class Ledger:
    """Rows on their way to the store; nothing is lost on it, and no worker waits."""

    def __init__(self, home: str) -> None:
        self._home = home
        left = read_left(home, at=now())
        self._lost = left.lost
        self._waiting: list[RequestRow] = left.rows
        self.left = tuple(left.rows)
        """What the last gateway left in its journal."""
        self._journal = Journal(home)
        self._numbers = count()
        self._born = f"{now():.6f}"
        self._news = anyio.Event()
        self._kept = anyio.Event()

    @property
    def in_flight(self) -> int:
        """How many requests have begun and not ended."""
        return self._journal.in_flight

    def begin(self, row: RequestRow) -> RequestRow:
        """Write a request down before it is sent; return it with its id."""
        before = (row.session, row.digest)
        again = before in self._lost
        self._lost.discard(before)
        ident = f"{self._born}-{next(self._numbers)}"
        row = row._replace(id=ident, sent_again=int(again))
        self._journal.begin(row)
        return row

    def end(self, row: RequestRow) -> None:
        """Write down how a request ended."""
        self._journal.end(row)
        self._waiting.append(row)
        self._news.set()

    async def flushed(self) -> None:
        """Wait until the store has every row there is now."""
        while self._waiting:
            self._news.set()
            await self._kept.wait()

    async def serve(self) -> None:
        """Bring rows to the store until cancelled."""
        while True:
            if not self._waiting:
                await self._news.wait()
            self._news = anyio.Event()
            await anyio.sleep(GATHER_S)
            if not await self._keep():
                await anyio.sleep(AGAIN_S)

    async def aclose(self) -> None:
        """Bring the last rows to the store, if it takes them; the journal has them."""
        with anyio.CancelScope(shield=True):
            await self._keep()
        self._journal.close()

    async def _keep(self) -> bool:
        rows = list(self._waiting)
        try:
            await anyio.to_thread.run_sync(partial(_keep, self._home, rows))
        except (SwarmError, DatabaseError, OSError):
            return False  # they are in the journal, and the store may have room later
        del self._waiting[: len(rows)]
        if not self._waiting:
            with suppress(OSError):  # it only stays as long as it is
                self._journal.forget_kept()
        self._kept.set()
        self._kept = anyio.Event()
        return True


def _keep(home: str, rows: list[RequestRow]) -> None:
    connection = open_database(home, create=False) if rows else None
    if connection is None:
        return
    try:
        keep_requests(connection, rows)
    finally:
        connection.close()
