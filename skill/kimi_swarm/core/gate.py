"""Whether a request is sent, waits or is refused: every one asks here first.

It is sent when all pools that it draws on have room and nobody is before it
(core/line.py). A full pool holds up only those that draw on it.

Pure: it knows no clock; times are seconds on any one clock that never goes back.
Whoever drives it calls `ask` for each request, then `answered` when the status and
headers of the answer are there and `ended` when the answer is over, and after each of
them, and at the moment that it was told, `turn`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kimi_swarm.core.line import Line, Wanted
from kimi_swarm.core.pool import Pool, PoolLimits
from kimi_swarm.core.rate_reply import Reply
from kimi_swarm.core.window import NEVER

__all__ = [
    "LET_IN_S",
    "Admit",
    "Answer",
    "Closed",
    "Gate",
    "Turn",
    "WaitUntil",
    "Wanted",
]

LET_IN_S = 60.0


class Admit(NamedTuple):
    """Send it now: it counts as on its way."""

    request: str


class WaitUntil(NamedTuple):
    """It waits in line; call `turn` at `at_s`, None: only when another ends."""

    request: str
    at_s: float | None


class Closed(NamedTuple):
    """It is refused and does not wait, as its pool takes nothing.

    `until_s` is when the pool will again, None if nobody told.
    """

    request: str
    pool: str
    reason: str
    until_s: float | None = None


Answer = Admit | WaitUntil | Closed


class Turn(NamedTuple):
    """Who of those that waited is sent now, and who is refused.

    Without any event, call `turn` again at `look_again_at_s`.
    """

    admitted: tuple[Admit, ...] = ()
    closed: tuple[Closed, ...] = ()
    look_again_at_s: float | None = None


class Gate:
    """All pools and the line before them.

    A pool that is not among `limits` has the `standard` ones.
    """

    def __init__(
        self,
        limits: Mapping[str, PoolLimits],
        *,
        standard: PoolLimits | None = None,
        let_in_s: float = LET_IN_S,
    ) -> None:
        self.limits = dict(limits)
        self.pools = {name: Pool(name, own) for name, own in limits.items()}
        self.standard = standard or PoolLimits()
        self.line = Line(let_in_s=let_in_s)
        self._on_way: dict[str, Wanted] = {}

    def relimit(self, limits: Mapping[str, PoolLimits], *, at_s: float) -> None:
        """Keep to other limits from now on; what was counted and learnt stays."""
        self.limits = dict(limits)
        for name, own in limits.items():
            self.pools.setdefault(name, Pool(name, own))
        for name, pool in self.pools.items():
            own = limits.get(name, self.standard)
            if own != pool.limits:
                self.pools[name] = pool.relimited(own, at_s)

    def ask(self, wanted: Wanted, *, at_s: float, is_again: bool = False) -> Answer:
        """Ask to be sent now; `is_again`: it was refused by the provider before.

        Then it waits before all others of its session.
        """
        for name in wanted.pools:
            self.pools.setdefault(name, Pool(name, self.standard))
        if closed := self._closed(wanted, at_s):
            return closed
        self.line.join(wanted, at_s, in_front=is_again)
        found, look_again_at_s = self._next(at_s)
        if found is not None and found.request == wanted.request:
            self._send(found, at_s)
            return Admit(wanted.request)
        return WaitUntil(wanted.request, look_again_at_s if found is None else at_s)

    def turn(self, at_s: float) -> Turn:
        """Send everyone whose turn it is, and refuse whose pool has closed."""
        closed = [shut for one in self.line if (shut := self._closed(one, at_s))]
        for shut in closed:
            self.line.leave(shut.request)
        admitted: list[Admit] = []
        found, look_again_at_s = self._next(at_s)
        while found is not None:
            self._send(found, at_s)
            admitted.append(Admit(found.request))
            found, look_again_at_s = self._next(at_s)
        return Turn(tuple(admitted), tuple(closed), look_again_at_s)

    def answered(self, request: str, reply: Reply, *, at_s: float) -> None:
        """Learn what the beginning of an answer says; see rate_reply.read_reply."""
        wanted = self._on_way[request]
        for name in wanted.pools:
            self.pools[name].answered(request, reply, at_s, wanted.account)

    def ended(self, request: str, *, tokens: int | None, at_s: float) -> None:
        """Let a request go, answered or not.

        `tokens` is what it used, None if that is not known: then what it asked for.
        """
        wanted = self._on_way.pop(request)
        for name in wanted.pools:
            self.pools[name].ended(request, tokens, at_s)

    def withdraw(self, request: str) -> bool:
        """Wait no more: whoever asked went away. Return whether it still waited."""
        return self.line.leave(request)

    def forget(self, session: str) -> None:
        """Let go of a session that is over."""
        self.line.forget(session)

    def _closed(self, wanted: Wanted, at_s: float) -> Closed | None:
        for name in wanted.pools:
            if shut := self.pools[name].closed_at(at_s, wanted.account):
                return Closed(wanted.request, name, shut.reason, shut.until_s)
        return None

    def _next(self, at_s: float) -> tuple[Wanted | None, float | None]:
        """Return who goes now; else None, and when somebody may without an event."""
        full: set[str] = set()
        soonest_s = NEVER
        for wanted in self.line.heads(at_s):
            if not full.isdisjoint(wanted.pools):
                continue
            fits_s = {
                name: self.pools[name].fits_at(wanted.tokens, at_s)
                for name in wanted.pools
            }
            latest_s = max(fits_s.values(), default=at_s)
            if latest_s <= at_s:
                return wanted, None
            full.update(name for name, moment in fits_s.items() if moment > at_s)
            soonest_s = min(soonest_s, latest_s)
        return None, None if soonest_s == NEVER else soonest_s

    def _send(self, wanted: Wanted, at_s: float) -> None:
        self.line.leave(wanted.request)
        self.line.served(wanted.session)
        self._on_way[wanted.request] = wanted
        for name in wanted.pools:
            self.pools[name].send(wanted.request, wanted.tokens, at_s)

    def to_data(self, at_s: float) -> dict[str, Any]:
        """Return what must outlive a restart, as plain data for JSON.

        Moments are kept as seconds from now. Who waits or is on the way is left out:
        those connections do not outlive it. What they reserved counts as used.
        """
        return {
            "pools": {name: pool.to_data(at_s) for name, pool in self.pools.items()},
            "served": self.line.to_data(),
        }

    def load(self, data: Mapping[str, Any], *, at_s: float, away_s: float) -> None:
        """Go on from what `to_data` told `away_s` seconds ago."""
        for name, kept in data["pools"].items():
            self.pools.setdefault(name, Pool(name, self.standard))
            self.pools[name].load(kept, at_s=at_s - away_s)
        self.line.load(data["served"])
