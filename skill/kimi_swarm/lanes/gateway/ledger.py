"""The book of requests: journal first, then the store, in the background."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

import anyio
import anyio.to_thread

from kimi_swarm.errors import SwarmError
from kimi_swarm.lanes.gateway.journal import Journal, read_left
from kimi_swarm.lanes.gateway.till import Till
from kimi_swarm.process.clock import now
from kimi_swarm.store.budgets import Standing
from kimi_swarm.store.database import Connection, DatabaseError, open_database
from kimi_swarm.store.requests import RequestRow, keep_requests

GATHER_S = 0.1
AGAIN_S = 1.0
LOOK_S = 1.0
Read = Callable[[Connection], Standing]


class Ledger:
    """Rows on their way to the store; nothing is lost on it, and no worker waits."""

    def __init__(self, home: str, till: Till) -> None:
        self._home = home
        self._till = till
        self._turn = anyio.Lock()
        left = read_left(home, at=now())
        self._lost = left.lost
        self._waiting: list[RequestRow] = left.rows
        self.left = left
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

    def send(self, request: str, tokens: int) -> None:
        """Write down that a request is sent now, which may use so many tokens."""
        self._journal.send(request, at=now(), tokens=tokens)

    def remembered(self, at: float) -> None:
        """Note that the pools' file counts what was sent until then."""
        self._journal.remembered(at)

    def end(self, row: RequestRow) -> None:
        """Write down how a request ended."""
        self._journal.end(row)
        self._waiting.append(row)
        self._till.closed(row)
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

    async def look(self) -> None:
        """See how budgets stand now, whoever changed them or spent of them."""
        async with self._turn:
            with suppress(SwarmError, DatabaseError, OSError):
                found = await anyio.to_thread.run_sync(self._read([]))
                self._take(found)

    async def keep_looking(self) -> None:
        """Look again and again while anything could be used up, until cancelled."""
        while True:
            await anyio.sleep(LOOK_S)
            if self._till.has_budgets:
                await self.look()

    async def aclose(self) -> None:
        """Bring the last rows to the store, if it takes them; the journal has them."""
        with anyio.CancelScope(shield=True):
            await self._keep()
        self._journal.close()

    async def _keep(self) -> bool:
        # One at a time: what is read must have just the rows that were written.
        async with self._turn:
            rows = list(self._waiting)
            try:
                found = await anyio.to_thread.run_sync(self._read(rows))
            except (SwarmError, DatabaseError, OSError):
                # They are in the journal, and the store may have room later.
                return False
            del self._waiting[: len(rows)]
            self._take(found)
        if not self._waiting:
            with suppress(OSError):  # it only stays as long as it is
                self._journal.forget_kept()
        self._kept.set()
        self._kept = anyio.Event()
        return True

    def _read(self, rows: list[RequestRow]) -> Callable[[], Standing | None]:
        return partial(_keep, self._home, rows, self._till.read)

    def _take(self, found: Standing | None) -> None:
        if found is not None:
            self._till.take(found, self._waiting)


def _keep(home: str, rows: list[RequestRow], read: Read) -> Standing | None:
    connection = open_database(home, create=False)
    if connection is None:
        return None
    try:
        if rows:
            keep_requests(connection, rows)
        return read(connection)
    finally:
        connection.close()
