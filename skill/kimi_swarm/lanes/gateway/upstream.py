"""Asking providers: one client for all of them, which changes nothing on the way."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable

import aiohttp
from yarl import URL

from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.lanes.gateway.headers import Pairs

CONNECT_LIMIT_S = 30.0
KEEPALIVE_S = 30.0

Body = bytes | AsyncIterable[bytes]
NOT_REACHED = (aiohttp.ClientError, OSError, TimeoutError)
"""What asking raises when there is no answer."""


class Upstream:
    """The client; close it at the end."""

    def __init__(self) -> None:
        # How long an answer takes is the worker's to judge: no limit but to connect.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT_S),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
        )
        self._trust: dict[str, ssl.SSLContext] = {}

    async def ask(
        self, route: Route, method: str, path: str, headers: Pairs, body: Body
    ) -> aiohttp.ClientResponse:
        """Send a request and return the answer, its body unread.

        `path` is as the worker wrote it, query included. Raises NOT_REACHED.
        """
        return await self._session.request(
            method,
            URL(route.origin + path, encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            proxy=route.proxy,
            ssl=self._trusted_by(route.ca_file),
        )

    def _trusted_by(self, ca_file: str | None) -> ssl.SSLContext | bool:
        if ca_file is None:
            return True
        if ca_file not in self._trust:
            context = ssl.create_default_context()
            context.load_verify_locations(ca_file)
            self._trust[ca_file] = context
        return self._trust[ca_file]

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()
