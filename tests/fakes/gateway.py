"""A live gateway for tests: kept as the supervisor keeps it, called as workers do."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from anyio.to_thread import run_sync

from kimi_swarm.core.usage import Metered
from kimi_swarm.lanes.gateway.grant import Grant, Route
from kimi_swarm.lanes.gateway.keeper import Keeper
from kimi_swarm.lanes.gateway.token import read_secret, session_token
from kimi_swarm.location import gateway_lock_path
from kimi_swarm.process.locks import is_locked, try_lock
from kimi_swarm.process.records import LaunchFiles
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.requests import RequestRow, metered_of, requests_of

CHAT = "/p/v1/chat/completions"
KEY = "the-real-key-of-a-test"
SESSION = "calm-river/header"
LIMIT_S = 60.0


class Reply(NamedTuple):
    """What a worker was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Call:
    """One request of a worker, its answer read as it comes."""

    def __init__(self, port: int, token: str, path: str = CHAT) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, LIMIT_S)
        self._token = token
        self._path = path

    def send(self, body: Any, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Authorization": f"Bearer {self._token}", **headers}
        self._connection.request("POST", self._path, raw, head)

    def answer(self) -> http.client.HTTPResponse:
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


class Lane:
    """A state folder with its keeper, and the sessions that were granted."""

    def __init__(self, home: Path, keeper: Keeper, port: int) -> None:
        self.home = home
        self.keeper = keeper
        self.port = port
        self.locks: dict[str, int] = {}

    def token(self, session: str = SESSION) -> str:
        return session_token(read_secret(str(self.home)), session)

    async def grant(self, route: Route, session: str = SESSION) -> None:
        """Let a session pass, as if its worker ran."""
        files = LaunchFiles(str(self.home / "runs" / session / "work"))
        Path(files.folder).mkdir(parents=True, exist_ok=True)
        if session not in self.locks:
            lock = try_lock(files.lock)
            assert lock is not None
            self.locks[session] = lock
        token = self.token(session)
        await self.keeper.grant(Grant(session, token, files.folder, (route,)))

    def post(
        self,
        body: Any,
        *,
        token: str | None = None,
        path: str = CHAT,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask as a worker, from a thread, and return the whole answer."""
        call = Call(self.port, self.token() if token is None else token, path)
        try:
            call.send(body, **(headers or {}))
            answer = call.answer()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            call.close()

    async def ask(self, body: Any, **more: Any) -> Reply:
        """As `post`, without stopping the test's event loop."""
        return await run_sync(lambda: self.post(body, **more))

    async def pid(self) -> int:
        """Return the number of the gateway's process."""
        status = await self.keeper.status()
        assert status is not None
        return int(status["pid"])

    async def rows(self, session: str = SESSION) -> list[RequestRow]:
        """Return what the store knows of a session once it is over."""
        await self.keeper.drop(session)
        with self._store() as connection:
            return requests_of(connection, session)

    async def metered(self, session: str = SESSION) -> list[Metered]:
        """Return what a session's requests came to once it is over."""
        await self.keeper.drop(session)
        with self._store() as connection:
            return metered_of(connection, session)

    @contextmanager
    def _store(self) -> Iterator[Connection]:
        connection = open_database(str(self.home), create=False)
        assert connection is not None
        try:
            yield connection
        finally:
            connection.close()


@asynccontextmanager
async def gateway_in(home: Path, *, is_left: bool = False) -> AsyncIterator[Lane]:
    """Keep a gateway of a state folder; wait until it has ended, unless it is left."""
    connection = open_database(str(home), create=True)
    assert connection is not None
    connection.close()
    keeper = Keeper(str(home))
    async with anyio.create_task_group() as group:
        group.start_soon(keeper.watch)
        lane = Lane(home, keeper, await keeper.port())
        try:
            yield lane
        finally:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                for lock in lane.locks.values():
                    os.close(lock)
                await keeper.aclose()
                if not is_left:
                    await until_gone(home)


async def until_gone(home: Path) -> None:
    """Wait until a state folder's gateway has ended by itself."""
    with anyio.fail_after(LIMIT_S):
        while is_locked(gateway_lock_path(str(home))):  # noqa: ASYNC110 nothing tells
            await anyio.sleep(0.02)


def chat(**fields: Any) -> dict[str, Any]:
    """Return the body of a chat request."""
    said = [{"role": "user", "content": "SAY hi"}]
    return {"model": "scripted", "messages": said, **fields}
