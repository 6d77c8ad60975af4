"""The way of one request: in, held as long as need be, asked, and the answer back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

from kimi_swarm.lanes.gateway.asked import UsageTaker
from kimi_swarm.lanes.gateway.body import Taken
from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.lanes.gateway.headers import LONGEST_WAIT_S, downward, upward
from kimi_swarm.lanes.gateway.manners import Manners
from kimi_swarm.lanes.gateway.masking import KeyMask
from kimi_swarm.lanes.gateway.refusal import (
    Refusal,
    body_of,
    held_too_long,
    not_reached,
)
from kimi_swarm.lanes.gateway.served import UsageReader
from kimi_swarm.lanes.gateway.serving import FAILED, Serving
from kimi_swarm.lanes.gateway.turnstile import Answer, Errand, Held, Turnstile
from kimi_swarm.lanes.gateway.upstream import NOT_REACHED, Upstream
from kimi_swarm.process.clock import now
from kimi_swarm.store.requests import CUT, DONE, REFUSED


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
    estimated_output_tokens: int = 0


class Passage:
    """Takes one request to its provider, as often as need be, and the answer back."""

    def __init__(
        self,
        request: web.BaseRequest,
        route: Route,
        taken: Taken,
        errand: Errand,
        held: Held,
        token: str,
        manners: Manners,
    ) -> None:
        self._request = request
        self._route = route
        self._taken = taken
        self._errand = errand
        self._held = held
        self._token = token
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
            why = KeyMask(self._route.key, self._token).text(str(error))
            return self._refused(not_reached(why or type(error).__name__))
        async with answer:
            served = Serving(answer, KeyMask(self._route.key, self._token))
            text = await served.begin() if answer.status >= FAILED else ""
            told = Answer(answer.status, dict(served.headers), text)
            if self._is_again(turnstile, told) or self._is_without(answer.status):
                return None
            return await self._pass_on(served)

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

    async def _pass_on(self, served: Serving) -> web.StreamResponse:
        reader = UsageReader(served.kind)
        takes = self._asks and served.status < FAILED
        taker = UsageTaker() if takes else None
        keeps_length = taker is None and not served.is_unpacked
        headers = downward(served.headers, keeps_length=keeps_length, unix_s=now())
        self._see(status=served.status)
        response = web.StreamResponse(status=served.status, reason=served.reason)
        for name, value in headers:
            response.headers.add(name, value)
        is_whole = False
        try:
            await self._stream(response, served, reader, taker)
            is_whole = self.ending != CUT
        finally:
            self._see(**reader.end(is_whole=is_whole)._asdict())
        return response

    async def _stream(
        self,
        response: web.StreamResponse,
        served: Serving,
        reader: UsageReader,
        taker: UsageTaker | None,
    ) -> None:
        """Send what comes as it comes; what breaks off does so for the worker too."""
        await response.prepare(self._request)
        async for piece in served:
            if piece.size_bytes and not self.seen.bytes_out:
                self._see(first_byte_at=now())
            reader.feed(piece.plain)
            self._see(bytes_out=self.seen.bytes_out + piece.size_bytes)
            out = piece.out if taker is None else taker.take(piece.out)
            if out:
                await response.write(out)
        if served.is_cut:
            self.ending = CUT
            self._hang_up()
            return
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
