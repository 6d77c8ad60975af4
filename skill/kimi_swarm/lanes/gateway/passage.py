"""The way of one request: in, held as long as need be, asked, and the answer back."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

from kimi_swarm.lanes.gateway.asked import UsageTaker
from kimi_swarm.lanes.gateway.body import Taken
from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.lanes.gateway.headers import LONGEST_WAIT_S, downward, upward
from kimi_swarm.lanes.gateway.manners import Manners
from kimi_swarm.lanes.gateway.refusal import (
    Refusal,
    body_of,
    held_too_long,
    not_reached,
)
from kimi_swarm.lanes.gateway.served import UsageReader
from kimi_swarm.lanes.gateway.turnstile import Answer, Errand, Held, Turnstile
from kimi_swarm.lanes.gateway.upstream import NOT_REACHED, Upstream
from kimi_swarm.process.clock import now
from kimi_swarm.store.requests import CUT, DONE, REFUSED

ERROR_LIMIT_BYTES = 65_536
FAILED = 400
"""From this status on an answer is read before it is decided on."""


class Seen(NamedTuple):
    """What was seen of a request on its way; the names are those of its row."""

    first_byte_at: float | None = None
    status: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    tries: int = 0
    bytes_out: int = 0


class Passage:
    """Takes one request to its provider, as often as need be, and the answer back."""

    def __init__(
        self,
        request: web.BaseRequest,
        route: Route,
        taken: Taken,
        errand: Errand,
        held: Held,
        manners: Manners,
    ) -> None:
        self._request = request
        self._route = route
        self._taken = taken
        self._errand = errand
        self._held = held
        self._manners = manners
        self._asks = taken.asking is not None and manners.may_ask(errand)
        self._path = request.raw_path.removeprefix(f"/{route.name}")
        self.seen = Seen()
        self.ending = DONE

    async def go(
        self, turnstile: Turnstile, upstream: Upstream, sends: Callable[[], None]
    ) -> web.StreamResponse:
        """Answer the worker; `seen` and `ending` tell how it went.

        `sends` is called just before each time that the provider is asked.
        """
        while True:
            try:
                refusal = await self._held.enter(turnstile, self._errand)
            except TimeoutError:
                sentence = "held until now for the limits of this provider"
                return self._refused(held_too_long(sentence, retry_after_s=1))
            if refusal is not None:
                return self._refused(refusal)
            used: int | None = 0
            try:
                self._see(tries=self.seen.tries + 1)
                sends()
                response = await self._try(turnstile, upstream)
                used = self._used
            finally:
                turnstile.left(self._errand, used)
            if response is not None:
                return response

    async def _try(
        self, turnstile: Turnstile, upstream: Upstream
    ) -> web.StreamResponse | None:
        """Ask once; None if it is to be asked again."""
        headers = upward(self._request.headers.items(), self._route.key)
        asking = self._taken.asking if self._asks else None
        body = self._taken.body if asking is None else asking
        try:
            answer = await upstream.ask(
                self._route, self._request.method, self._path, headers, body
            )
        except NOT_REACHED as error:
            if self._is_again(turnstile, None):
                return None
            return self._refused(not_reached(str(error) or type(error).__name__))
        async with answer:
            begun = await _beginning(answer) if answer.status >= FAILED else b""
            told = Answer(answer.status, answer.headers, begun.decode(errors="replace"))
            if self._is_again(turnstile, told) or self._is_without(answer.status):
                return None
            return await self._pass_on(answer, begun)

    def _is_again(self, turnstile: Turnstile, told: Answer | None) -> bool:
        tries, left_s = self.seen.tries, self._held.left_s
        is_again = turnstile.heard(self._errand, told, tries=tries, left_s=left_s)
        return is_again and not self._taken.is_once

    def _is_without(self, status: int) -> bool:
        """Whether to ask again without the question that the worker never asked."""
        if self._asks and self._manners.is_doubtful(self._errand, status):
            self._asks = False
            return True
        if self._taken.asking is not None:
            self._manners.answered(self._errand, status, asks=self._asks)
        return False

    @property
    def _used(self) -> int | None:
        """How many tokens the answer cost, None if nobody told."""
        if self.seen.status is not None and self.seen.status >= FAILED:
            return 0
        if self.seen.input_tokens is None or self.seen.output_tokens is None:
            return None
        return self.seen.input_tokens + self.seen.output_tokens

    async def _pass_on(
        self, answer: aiohttp.ClientResponse, begun: bytes
    ) -> web.StreamResponse:
        kind = answer.headers.get("Content-Type", "")
        reader = UsageReader(kind)
        takes = self._asks and answer.status < FAILED
        taker = UsageTaker() if takes else None
        headers = downward(
            answer.headers.items(), keeps_length=taker is None, unix_s=now()
        )
        self._see(status=answer.status)
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in headers:
            response.headers.add(name, value)
        try:
            await self._stream(response, answer, begun, (reader, taker))
        finally:
            self._see(**reader.end()._asdict())
        return response

    async def _stream(
        self,
        response: web.StreamResponse,
        answer: aiohttp.ClientResponse,
        begun: bytes,
        through: tuple[UsageReader, UsageTaker | None],
    ) -> None:
        """Send what comes as it comes; what breaks off does so for the worker too."""
        reader, taker = through
        unpack = _unpacker(answer.headers.get("Content-Encoding", ""))
        await response.prepare(self._request)
        pieces = answer.content.iter_any()
        piece = begun
        while True:
            if piece:
                if not self.seen.bytes_out:
                    self._see(first_byte_at=now())
                reader.feed(piece if unpack is None else unpack(piece))
                out = piece if taker is None else taker.take(piece)
                self._see(bytes_out=self.seen.bytes_out + len(piece))
                if out:
                    await response.write(out)
            try:
                piece = await anext(pieces, b"")
            except NOT_REACHED:
                self.ending = CUT
                self._hang_up()
                return
            if not piece:
                break
        if taker is not None and (rest := taker.end()):
            await response.write(rest)
        await response.write_eof()

    def _hang_up(self) -> None:
        """End the connection without an end of the body: the worker sees it is cut."""
        if self._request.transport is not None:
            self._request.transport.close()

    def _refused(self, refusal: Refusal) -> web.Response:
        self.ending = REFUSED
        self._see(status=refusal.status)
        return response_of(refusal, self._path)

    def _see(self, **fields: Any) -> None:
        self.seen = self.seen._replace(**fields)


def response_of(refusal: Refusal, path: str) -> web.Response:
    """Return our own answer to a request."""
    response = web.Response(
        status=refusal.status,
        body=body_of(refusal, path),
        content_type="application/json",
    )
    if refusal.retry_after_s is not None:
        seconds = max(1, round(min(refusal.retry_after_s, LONGEST_WAIT_S)))
        response.headers["Retry-After"] = str(seconds)
    return response


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Read the beginning of an error's body; short as they are, mostly all of it."""
    read = bytearray()
    try:
        while len(read) < ERROR_LIMIT_BYTES:
            piece = await answer.content.readany()
            if not piece:
                break
            read += piece
    except NOT_REACHED:
        pass
    return bytes(read)


class _Unpacker:
    """Unpacks what came packed although that was not asked for, for reading along."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=47)  # gzip and zlib, told by the head
        self._is_broken = False

    def __call__(self, piece: bytes) -> bytes:
        if self._is_broken:
            return b""
        try:
            return self._inner.decompress(piece)
        except zlib.error:
            self._is_broken = True
            return b""


def _unpacker(encoding: str) -> _Unpacker | None:
    return None if encoding.lower() in ("", "identity") else _Unpacker()
