"""The till before the turnstile: what a request may cost is reserved before it goes.

What was spent is what the store says, as of the last look, and what has ended since.
Where nothing is set that could be used up, this lets through whatever comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import anyio

from kimi_swarm.core.allowance import budget_words
from kimi_swarm.core.budget import Budgets, Granted, Later, Refused, Spend
from kimi_swarm.core.estimate import Experience
from kimi_swarm.core.names import parse_session
from kimi_swarm.core.price_words import unpriced
from kimi_swarm.core.prices import Prices
from kimi_swarm.core.totals import NANO
from kimi_swarm.core.usage import Tokens, day_of
from kimi_swarm.lanes.gateway.asked import BYTES_PER_TOKEN
from kimi_swarm.lanes.gateway.refusal import Refusal, budget_gone
from kimi_swarm.lanes.gateway.turnstile import Answer, Errand, Turnstile
from kimi_swarm.process.clock import now
from kimi_swarm.store.budgets import Standing, standing
from kimi_swarm.store.database import Connection
from kimi_swarm.store.requests import RequestRow


class Till:
    """Lets requests to the turnstile as budgets bear them."""

    def __init__(self, inner: Turnstile) -> None:
        self._inner = inner
        self._standing = Standing((), {}, Prices((), ()))
        self._budgets = Budgets(())
        self._experience: dict[str, Experience] = {}
        self._reserved: set[str] = set()
        self._changed = anyio.Event()

    @property
    def has_budgets(self) -> bool:
        """Whether anything is set that could be used up."""
        return bool(self._standing.budgets)

    async def enter(self, errand: Errand) -> Refusal | None:
        """Wait until a request may be sent; a refusal if it may not be at all."""
        if errand.asked.is_generation and errand.id not in self._reserved:
            refusal = await self._reserve(errand)
            if refusal is not None:
                return refusal
        return await self._inner.enter(errand)

    def heard(
        self, errand: Errand, answer: Answer | None, *, tries: int, left_s: float
    ) -> bool:
        """Learn from how an answer begins; whether to enter again."""
        return self._inner.heard(errand, answer, tries=tries, left_s=left_s)

    def left(self, errand: Errand, tokens: int | None) -> None:
        """Let go of a request that was entered; what it cost comes with its row."""
        self._inner.left(errand, tokens)

    async def _reserve(self, errand: Errand) -> Refusal | None:
        while self.has_budgets:
            answer = self._budgets.reserve(
                errand.id,
                _scopes(errand.session, errand.spends_on),
                self._expected(errand),
            )
            match answer:
                case Granted():
                    self._reserved.add(errand.id)
                    return None
                case Refused():
                    return budget_gone(self._words(answer, errand.asked.model))
                case Later():
                    await self._changed.wait()
        return None

    def _words(self, refused: Refused, model: str) -> str:
        spent = self._budgets.spent(refused.scope, refused.budget.good)
        is_estimated = refused.scope in self._standing.estimated
        words = budget_words(refused.budget, spent, is_estimated=is_estimated)
        if spent >= refused.budget.most:
            return words
        return f"{unpriced(model)} ({words})"

    def _expected(self, errand: Errand) -> Spend:
        asked = errand.asked
        experience = self._experience.setdefault(errand.pool, Experience())
        size_bytes = asked.input_tokens * BYTES_PER_TOKEN
        went_in, came_out = experience.expect(
            body_bytes=size_bytes, max_tokens=asked.max_output_tokens
        )
        return self._spend(asked.model, Tokens(went_in, 0, came_out), day_of(now()))

    def _spend(self, model: str, tokens: Tokens, day: str) -> Spend:
        cost = self._standing.prices.cost(model, day, tokens)
        usd = None if cost is None else cost / NANO
        return Spend(tokens.total, usd, requests=1)

    def closed(self, row: RequestRow) -> None:
        """Settle what a request cost, as its row tells."""
        self._learn(row)
        if row.id in self._reserved:
            self._reserved.discard(row.id)
            if row.tries:
                self._budgets.settle(row.id, self._cost(row))
            else:
                self._budgets.release(row.id)
        self._stir()

    def _cost(self, row: RequestRow) -> Spend:
        """Return what a request cost: as the store counts it too, told or estimated."""
        if row.tokens == Tokens():
            return Spend(requests=1)
        return self._spend(row.model, row.tokens, day_of(row.began_at))

    def _learn(self, row: RequestRow) -> None:
        if row.input_tokens and row.output_tokens is not None:
            self._experience.setdefault(row.pool, Experience()).add(
                body_bytes=row.bytes_in,
                input_tokens=row.input_tokens,
                output_tokens=row.output_tokens,
            )

    @staticmethod
    def read(connection: Connection) -> Standing:
        """Read how budgets stand, in any thread."""
        return standing(connection, at=now())

    def take(self, found: Standing, since: Sequence[RequestRow]) -> None:
        """Go on from what was read, and from rows that it does not have yet."""
        self._standing = found
        self._budgets.replace(found.budgets, found.spent)
        for row in since:
            scopes = _scopes(row.session, row.pools.split("\n"))
            if row.tries:
                self._budgets.book(scopes, self._cost(row))
        self._stir()

    def _stir(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _scopes(session: str, pools: Iterable[str]) -> tuple[str, ...]:
    ident = parse_session(session)
    own = (f"run/{ident.run}", f"task/{ident.run}/{ident.task}")
    of_pools = (f"pool-{per}/{pool}" for pool in pools for per in ("day", "month"))
    return (*own, "day", "month", *of_pools)
