"""A worker's request body: whole up to a bound, to be read and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import NamedTuple

from aiohttp import web

from kimi_swarm.lanes.gateway.asked import (
    Asked,
    asking_for_usage,
    read_asked,
    unread_asked,
)
from kimi_swarm.lanes.gateway.upstream import Body

WHOLE_LIMIT_BYTES = 64 << 20


class Taken(NamedTuple):
    """A request's body, and what it asks for.

    `asking` is the same with a question for usage on the worker's behalf, None where
    there is none to ask.
    `digest` knows the very same request again. A body that is `is_once` is beyond the
    bound: it goes through as it comes, once.
    """

    body: Body
    asking: bytes | None
    asked: Asked
    size_bytes: int
    digest: str
    is_once: bool = False


async def take_body(request: web.BaseRequest, path: str) -> Taken:
    """Read a body. Raises ConnectionError when the worker hangs up on the way."""
    parts: list[bytes] = []
    size_bytes = 0
    async for part in request.content.iter_any():
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > WHOLE_LIMIT_BYTES:
            size_bytes = max(size_bytes, request.content_length or 0)
            asked = unread_asked(path, method=request.method, size_bytes=size_bytes)
            rest = _rest(parts, request)
            return Taken(rest, None, asked, size_bytes, "", is_once=True)
    whole = b"".join(parts)
    asked = read_asked(path, whole, method=request.method)
    made = blake2b(f"{request.method} {path}\n".encode(), digest_size=12)
    made.update(whole)
    asking = asking_for_usage(whole) if asked.wants_usage else None
    return Taken(whole, asking, asked, size_bytes, made.hexdigest())


async def _rest(parts: list[bytes], request: web.BaseRequest) -> AsyncIterator[bytes]:
    yield b"".join(parts)
    async for part in request.content.iter_any():
        yield part
