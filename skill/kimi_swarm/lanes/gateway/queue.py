"""The turnstile before the pools: core/gate.py decides, this waits and wakes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import anyio

from kimi_swarm.core.gate import Admit, Closed, Gate, Turn, WaitUntil, Wanted
from kimi_swarm.core.pool import Pool, Shut, standing_of
from kimi_swarm.core.pool_rule import PoolRule, pools_of
from kimi_swarm.core.rate_reply import Reply, ReplyKind, read_reply
from kimi_swarm.lanes.gateway.refusal import Refusal, closed
from kimi_swarm.lanes.gateway.turnstile import Answer, Errand
from kimi_swarm.process.clock import now, steady

FAULT_TRIES = 4
"""How often a request is sent whose provider fails or is not reached."""
_MAY_PASS = (ReplyKind.OVERLOADED, ReplyKind.FAULT)
_NO_ANSWER = Reply(ReplyKind.FAULT)


class _Place:
    """One request's place in the line."""

    def __init__(self) -> None:
        self.called = anyio.Event()
        self.is_admitted = False
        self.refusal: Refusal | None = None


class Queue:
    """Lets requests through as their pools bear them."""

    def __init__(self, gate: Gate, clock: Callable[[], float] = steady) -> None:
        self.gate = gate
        self._clock = clock
        self.rules: tuple[PoolRule, ...] = ()
        self._places: dict[str, _Place] = {}
        self._again: set[str] = set()
        self._look_again_at = math.inf
        self._sooner = anyio.Event()

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._places)

    def keep_to(self, rules: tuple[PoolRule, ...]) -> None:
        """Take other pools for what there is: their limits hold from now on."""
        self.rules = rules
        limits = {rule.name: rule.limits for rule in rules}
        self.gate.relimit(limits, at_s=self._clock())
        self._turn()

    def spends_on(self, url: str, model: str, host: str) -> tuple[str, ...]:
        """Return what a request counts on: its host, and all pools that cover it."""
        found = pools_of(self.rules, url, model, otherwise=host)
        return tuple(dict.fromkeys((host, *found)))

    def open_again(self) -> None:
        """Try pools that were closed or rest for long: a person asks for it."""
        for pool in self.gate.pools.values():
            pool.open_again(self._clock())
        self._turn()

    def pools(self) -> dict[str, dict[str, Any]]:
        """Tell of each pool how it stands, seconds as from now.

        Of which accounts one takes nothing stands beside it, under a name of its own.
        """
        at_s = self._clock()
        told: dict[str, dict[str, Any]] = {}
        for name, pool in self.gate.pools.items():
            told[name] = _told(pool, at_s)
            for account, shut in pool.shuts_at(at_s).items():
                told[standing_of(name, account)] = _told_closed(shut, at_s)
        return told

    async def enter(self, errand: Errand) -> Refusal | None:
        """Wait until a request may be sent; a refusal if its pool takes none."""
        is_again = errand.id in self._again
        self._again.discard(errand.id)
        wanted = _wanted(errand, self.rules)
        answer = self.gate.ask(wanted, at_s=self._clock(), is_again=is_again)
        match answer:
            case Admit():
                return None
            case Closed():
                return _refusal(answer, self._clock())
            case WaitUntil():
                return await self._wait(errand, answer.at_s)

    async def _wait(
        self, errand: Errand, look_again_at: float | None
    ) -> Refusal | None:
        place = self._places[errand.id] = _Place()
        self._look_at(look_again_at)
        try:
            await place.called.wait()
        except BaseException:
            self._give_up(errand, place)
            raise
        return place.refusal

    def heard(
        self, errand: Errand, answer: Answer | None, *, tries: int, left_s: float
    ) -> bool:
        """Learn from how an answer begins; whether to enter again."""
        reply = _NO_ANSWER if answer is None else _read(answer)
        self.gate.answered(errand.id, reply, at_s=self._clock())
        self._turn()
        # What draws on no pool has nothing that would hold it before the next try.
        is_rate = reply.kind is ReplyKind.RATE_LIMIT and errand.asked.is_generation
        is_worth_it = is_rate or (reply.kind in _MAY_PASS and tries < FAULT_TRIES)
        is_again = is_worth_it and (reply.wait_s or 0.0) <= left_s
        if is_again:
            self._again.add(errand.id)
        return is_again

    def left(self, errand: Errand, tokens: int | None) -> None:
        """Let go of a request that was entered."""
        self.gate.ended(errand.id, tokens=tokens, at_s=self._clock())
        self._turn()

    def forget(self, session: str) -> None:
        """Let go of a session that is over."""
        self.gate.forget(session)

    async def serve(self) -> None:
        """Call those whose moment comes without any event, until cancelled."""
        while True:
            wait_s = self._look_again_at - self._clock()
            with anyio.move_on_after(max(0.0, wait_s)):
                await self._sooner.wait()
            self._sooner = anyio.Event()
            if self._look_again_at <= self._clock():
                self._turn()

    def _give_up(self, errand: Errand, place: _Place) -> None:
        """Leave the line, or the way, when whoever waited is gone."""
        if place.is_admitted:
            self.left(errand, 0)
        elif self._places.pop(errand.id, None) is not None:
            self.gate.withdraw(errand.id)
            self._turn()

    def _turn(self) -> None:
        at_s = self._clock()
        turn: Turn = self.gate.turn(at_s)
        for admitted in turn.admitted:
            place = self._places.pop(admitted.request)
            place.is_admitted = True
            place.called.set()
        for shut in turn.closed:
            place = self._places.pop(shut.request)
            place.refusal = _refusal(shut, at_s)
            place.called.set()
        self._look_again_at = math.inf
        self._look_at(turn.look_again_at_s)

    def _look_at(self, at_s: float | None) -> None:
        if at_s is not None and at_s < self._look_again_at:
            self._look_again_at = at_s
            self._sooner.set()


def _wanted(errand: Errand, rules: tuple[PoolRule, ...]) -> Wanted:
    asked = errand.asked
    pools: tuple[str, ...] = ()
    if asked.is_generation:
        pools = pools_of(rules, errand.url, asked.model, otherwise=errand.pool)
    tokens = asked.most_tokens
    return Wanted(errand.id, errand.session, pools, tokens, account=errand.account)


def _read(answer: Answer) -> Reply:
    if answer.status < 400:  # noqa: PLR2004 HTTP's own bound
        return read_reply(answer.status, answer.headers, unix_s=now())
    return read_reply(answer.status, answer.headers, answer.text, unix_s=now())


def _refusal(shut: Closed, at_s: float) -> Refusal:
    again_s = None if shut.until_s is None else max(1.0, shut.until_s - at_s)
    return closed(shut.reason, retry_after_s=again_s)


def _told(pool: Pool, at_s: float) -> dict[str, Any]:
    return {
        "in_flight": len(pool.flights),
        "width": _width(pool, at_s),
        "feeds": pool.feeds(at_s),
        "rests_s": pool.rests_s(at_s),
        "refusal": pool.refusal,
        "closed": None,
        "closed_s": None,
    }


def _told_closed(shut: Shut, at_s: float) -> dict[str, Any]:
    return {
        "in_flight": 0,
        "width": None,
        "feeds": None,
        "rests_s": 0.0,
        "refusal": "",
        "closed": shut.reason,
        "closed_s": None if shut.until_s is None else shut.until_s - at_s,
    }


def _width(pool: Pool, at_s: float) -> int | None:
    """Return how many at once a pool bears, as found or as its provider told."""
    pace = pool.pace
    told = [pace.told] if at_s < pace.told_until_s else []
    found = [max(1, int(pace.width))] if math.isfinite(pace.width) else []
    return min(told + found, default=None)
