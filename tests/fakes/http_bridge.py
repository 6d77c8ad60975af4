"""A bridge from HTTP to a server that speaks over standard input and output.

The protocol's conformance suite speaks HTTP only. What it says reaches the real server
as it is, message by message, and what that answers goes back: the bridge answers
nothing itself.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

import anyio
import uvicorn
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.streamable_http import StreamableHTTPServerTransport

START_LIMIT_S = 60.0


class HttpBridge:
    """One server behind one address on loopback, while the context lasts."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        command, *args = argv
        self._asked = StdioServerParameters(command=command, args=args, env=dict(env))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._transport = StreamableHTTPServerTransport(None)
        config = uvicorn.Config(
            self._transport.handle_request,
            interface="asgi3",
            lifespan="off",
            log_level="error",
        )
        self._http = uvicorn.Server(config)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=anyio.run, args=(self._serve,))

    @property
    def url(self) -> str:
        """The address that clients are given."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/mcp"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(START_LIMIT_S), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._http.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _serve(self) -> None:
        async with (
            stdio_client(self._asked) as (answers, questions),
            self._transport.connect() as (asked, told),
        ):
            async with anyio.create_task_group() as group:
                group.start_soon(_relay, asked, questions)
                group.start_soon(_relay, answers, told)
                self._ready.set()
                await self._http.serve(sockets=[self._socket])
                group.cancel_scope.cancel()
            await self._transport.terminate()


async def _relay(source: Any, target: Any) -> None:
    async for message in source:
        if isinstance(message, Exception):
            raise message
        await target.send(message)
