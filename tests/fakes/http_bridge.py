"""A bridge from HTTP to a server that speaks over standard input and output.

The protocol's conformance suite speaks HTTP only, and calls tools by names that it has
made up. What it says reaches the real server message by message, and what that answers
goes back as it is: the bridge answers nothing itself, and changes nothing but which
tool is called.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import anyio
import uvicorn
from mcp import types
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.shared.message import SessionMessage

START_LIMIT_S = 60.0
Message = types.JSONRPCMessage


def hear_nothing(_message: Message) -> None:
    """Let a message pass."""


class HttpBridge:
    """One server behind one address on loopback, while the context lasts.

    `calls` says by the name of a tool that there is not which call is made instead: a
    tool's name and its arguments. `hear` is given every message of the server's first.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        calls: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
        hear: Callable[[Message], None] = hear_nothing,
    ) -> None:
        self._calls = calls or {}
        self._hear = hear
        command, *args = argv
        self._asked = StdioServerParameters(command=command, args=args, env=dict(env))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._transport = StreamableHTTPServerTransport("one")
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
                group.start_soon(_relay, asked, questions, self._renamed)
                group.start_soon(_relay, answers, told, self._heard)
                self._ready.set()
                await self._http.serve(sockets=[self._socket])
                group.cancel_scope.cancel()
            await self._transport.terminate()

    def _renamed(self, message: Message) -> Message:
        if not isinstance(message, types.JSONRPCRequest):
            return message
        params = message.params or {}
        if message.method != "tools/call" or params["name"] not in self._calls:
            return message
        name, arguments = self._calls[params["name"]]
        instead = {**params, "name": name, "arguments": dict(arguments)}
        return message.model_copy(update={"params": instead})

    def _heard(self, message: Message) -> Message:
        self._hear(message)
        return message


async def _relay(
    source: Any, target: Any, change: Callable[[Message], Message]
) -> None:
    async for one in source:
        if isinstance(one, Exception):
            raise one
        changed = change(one.message)
        await target.send(SessionMessage(changed, one.metadata))
