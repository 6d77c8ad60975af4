"""A client of the real MCP server: the protocol's own, or one that speaks in lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from mcp import ClientSession, types
from mcp.client.context import ClientRequestContext
from mcp.client.stdio import StdioServerParameters, stdio_client

from fakes.swarm import LIMIT_S, Swarm

PROTOCOL = "2025-06-18"


@asynccontextmanager
async def connected(
    swarm: Swarm, *words: str, roots: Path | None = None, **env: str
) -> AsyncIterator[ClientSession]:
    """Start a server as a client would, say hello, and give the session.

    It works in a folder that is none of the user's. What it writes beside the protocol
    must be nothing.
    """
    elsewhere = swarm.folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    asked = StdioServerParameters(
        command=sys.executable,
        args=["-m", "kimi_swarm", "mcp", *words],
        env={**swarm.env, **env},
        cwd=elsewhere,
    )

    async def tell_roots(context: ClientRequestContext) -> types.ListRootsResult:
        assert roots is not None
        return types.ListRootsResult(roots=[types.Root(uri=roots.as_uri())])

    with (swarm.folder / "server.err").open("w+", encoding="utf-8") as errors:
        async with (
            stdio_client(asked, errlog=errors) as (incoming, outgoing),
            ClientSession(
                incoming,
                outgoing,
                list_roots_callback=None if roots is None else tell_roots,
            ) as session,
        ):
            await session.initialize()
            yield session
        errors.seek(0)
        assert errors.read() == ""


def text_of(result: types.CallToolResult) -> str:
    """Return the one text of a result."""
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


class Lines:
    """A client that writes and reads the protocol's lines, and may just leave."""

    def __init__(self, swarm: Swarm) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kimi_swarm", "mcp"],
            cwd=swarm.folder,
            env=swarm.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._asked = 0

    def __enter__(self) -> Self:
        hello = {
            "protocolVersion": PROTOCOL,
            "capabilities": {},
            "clientInfo": {"name": "lines", "version": "1"},
        }
        assert self.ask("initialize", hello)["result"]["protocolVersion"] == PROTOCOL
        self.send("notifications/initialized")
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a notification."""
        self._write({"method": method, "params": params or {}})

    def begin(self, method: str, params: Mapping[str, Any]) -> int:
        """Send a request without waiting for its answer; gives its id."""
        self._asked += 1
        self._write({"id": self._asked, "method": method, "params": params})
        return self._asked

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer."""
        asked = self.begin(method, params)
        answer = self.read()
        assert answer["id"] == asked
        return answer

    def read(self) -> dict[str, Any]:
        """Read one line."""
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def leave(self) -> tuple[int, str]:
        """Close both streams, as a client that ends does; gives exit code and words."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stdin.close()
        code = self.process.wait(LIMIT_S)
        return code, self.process.stderr.read()

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()
