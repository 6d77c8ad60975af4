"""Where requests wait: until their pool has room, and until it may be asked again.

The pools decide; see core/pool.py. This is the clock and the queue around them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import anyio

from kimi_swarm.lanes.gateway.asked import Asked
from kimi_swarm.lanes.gateway.refusal import Refusal

HOLD_LIMIT_S = 240.0
"""How long a worker is kept waiting in all. Programs give up on an answer that does not
begin within 300 s; told 429 before, they ask again by themselves."""


class Errand(NamedTuple):
    """One request on its way: whose it is, what it draws on, what it asks for.

    `url` is its provider's base URL, `pool` what it draws on if no pool covers that,
    `account` who pays for it. `spends_on` are the pools whose budgets it draws on.
    """

    id: str
    session: str
    pool: str
    asked: Asked
    url: str = ""
    account: str = ""
    spends_on: tuple[str, ...] = ()


class Answer(NamedTuple):
    """How an answer begins; `text` is its body where the status is 400 or more."""

    status: int
    headers: Mapping[str, str]
    text: str = ""


class Turnstile(Protocol):
    """What lets requests through to their providers."""

    async def enter(self, errand: Errand) -> Refusal | None:
        """Wait until a request may be sent; a refusal if it may not be at all."""
        ...

    def heard(
        self, errand: Errand, answer: Answer | None, *, tries: int, left_s: float
    ) -> bool:
        """Learn from how an answer begins, None where none came.

        Return whether to enter again, after so many `tries` and with so much patience
        left; else the answer passes.
        """
        ...

    def left(self, errand: Errand, tokens: int | None) -> None:
        """Let go of a request that was entered; `tokens` is what it used, if known."""
        ...


class Held:
    """How long one request was held, and how long it may still be.

    `begins` and `ends` are called around every wait.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        begins: Callable[[], None],
        ends: Callable[[], None],
        *,
        limit_s: float = HOLD_LIMIT_S,
    ) -> None:
        self._clock = clock
        self._begins = begins
        self._ends = ends
        self._limit_s = limit_s
        self.held_s = 0.0

    @property
    def left_s(self) -> float:
        """How many seconds of patience are left."""
        return max(0.0, self._limit_s - self.held_s)

    async def enter(self, turnstile: Turnstile, errand: Errand) -> Refusal | None:
        """Wait at a turnstile. Raises TimeoutError when the patience is used up."""
        began = self._clock()
        self._begins()
        try:
            with anyio.fail_after(self.left_s):
                return await turnstile.enter(errand)
        finally:
            self._ends()
            self.held_s += self._clock() - began
