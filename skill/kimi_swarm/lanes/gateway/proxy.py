"""One request from a worker to its provider and back: counted, held, never delayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from kimi_swarm.lanes.gateway.body import Taken, take_body
from kimi_swarm.lanes.gateway.grant import Grant, Route
from kimi_swarm.lanes.gateway.headers import token_in
from kimi_swarm.lanes.gateway.ledger import Ledger
from kimi_swarm.lanes.gateway.manners import Manners
from kimi_swarm.lanes.gateway.marks import HeldMarks
from kimi_swarm.lanes.gateway.passage import Passage, response_of
from kimi_swarm.lanes.gateway.refusal import NO_ROUTE, UNKNOWN_TOKEN
from kimi_swarm.lanes.gateway.token import account_of
from kimi_swarm.lanes.gateway.turnstile import Errand, Held, Turnstile
from kimi_swarm.lanes.gateway.upstream import Upstream
from kimi_swarm.process.clock import now, steady
from kimi_swarm.store.requests import LEFT, RequestRow


class Leave(Protocol):
    """Who may pass: grants by their tokens."""

    async def grant_of(self, token: str) -> Grant | None:
        """Return the grant of a token that is worth something now."""
        ...


class Proxy:
    """Answers workers: `handle` is the server's handler."""

    def __init__(
        self,
        leave: Leave,
        turnstile: Turnstile,
        ledger: Ledger,
        marks: HeldMarks,
        upstream: Upstream,
        secret: bytes,
        spends_on: Callable[[str, str, str], tuple[str, ...]],
    ) -> None:
        self._secret = secret
        self._leave = leave
        self._turnstile = turnstile
        self._ledger = ledger
        self._marks = marks
        self._upstream = upstream
        self._manners = Manners()
        self._spends_on = spends_on

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        grant = await self._leave.grant_of(token_in(request.headers))
        if grant is None:
            return response_of(UNKNOWN_TOKEN, request.raw_path)
        name, path = _split(request.raw_path)
        route = grant.route(name)
        if route is None or not _is_below(route, path):
            return response_of(NO_ROUTE, path)
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        taken = await take_body(request, path)
        return await self._carry(request, grant, route, taken)

    async def _carry(
        self, request: web.BaseRequest, grant: Grant, route: Route, taken: Taken
    ) -> web.StreamResponse:
        url, model = f"{route.origin}{route.path}", taken.asked.model
        pools = self._spends_on(url, model, route.pool)
        row = self._ledger.begin(
            RequestRow(
                *("", grant.session, route.pool, model, now()),
                bytes_in=taken.size_bytes,
                digest=taken.digest,
                pools="\n".join(pools),
            )
        )
        account = account_of(self._secret, route.key)
        errand = Errand(
            *(row.id, grant.session, route.pool, taken.asked, url, account, pools)
        )
        held = Held(
            steady,
            lambda: self._marks.begin(grant.launch),
            lambda: self._marks.end(grant.launch),
        )
        passage = Passage(
            request, route, taken, errand, held, grant.token, self._manners
        )
        ending = LEFT
        try:
            response = await passage.go(
                self._turnstile,
                self._upstream,
                lambda: self._ledger.send(row.id, taken.asked.most_tokens),
            )
            ending = passage.ending
        finally:
            seen = passage.seen
            self._ledger.end(
                row._replace(
                    **seen._asdict(), ended_at=now(), ending=ending, held_s=held.held_s
                )
            )
        return response


def _split(path: str) -> tuple[str, str]:
    """Return the route's name, and the path behind it, of `/NAME/path?query`."""
    name, slash, rest = path.removeprefix("/").partition("/")
    return name, slash + rest


def _is_below(route: Route, path: str) -> bool:
    """Whether a path leads to the provider's base or below, and not around it."""
    plain = path.partition("?")[0]
    parts = plain.lower().replace("%2e", ".").replace("%2f", "/").split("/")
    return ".." not in parts and (
        plain == route.path or plain.startswith(f"{route.path}/")
    )
