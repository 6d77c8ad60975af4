"""Named capacity: what a provider, a profile or the machine bears, and what is in use.

A pool keeps limits that are known (set by a person, or told by the provider), and finds
those that nobody told by how it is refused. It never decides who goes first: see
core/gate.py. Times are seconds on any one clock that never goes back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kimi_swarm.core.bounds import FORGET_TOLD_S, Bounds
from kimi_swarm.core.pace import Flight, Pace
from kimi_swarm.core.pool_room import LONG_REST_S
from kimi_swarm.core.rate_reply import Reply, ReplyKind
from kimi_swarm.core.window import LONG_AGO, NEVER, Window

_TOO_MANY = (ReplyKind.RATE_LIMIT, ReplyKind.OVERLOADED)
SHARING = 2
"""So many sessions use one place among a pool's requests in turns."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What is known of a pool before anything is asked of it.

    `concurrency` is how many may be on their way, None if nobody said; `start` is the
    first guess then. Two starts are `spacing_s` apart. A provider counts a request at
    most `arrival_s` after it was sent. A pool that does not adapt keeps to its limits
    and learns nothing but when it may ask again.
    """

    concurrency: int | None = None
    windows: tuple[Window, ...] = ()
    spacing_s: float = 0.0
    start: int = 5
    arrival_s: float = 1.0
    adapts: bool = True


class Shut(NamedTuple):
    """Why a pool takes nothing more of an account: a sentence; until when, if told."""

    reason: str
    until_s: float | None = None


class Pool:
    """One pool's limits, and the requests that are on their way in it."""

    def __init__(self, name: str, limits: PoolLimits) -> None:
        self.name = name
        self.limits = limits
        self.flights: dict[str, Flight] = {}
        self.bounds = Bounds(limits.windows, adapts=limits.adapts)
        self.pace = Pace(
            width=float(limits.concurrency or limits.start),
            most=limits.concurrency or math.inf,
        )
        if limits.concurrency is None and not limits.adapts:
            self.pace.width = math.inf
        self._shuts: dict[str, Shut] = {}
        self._refusal = ""
        self.last_sent_s = LONG_AGO

    def relimited(self, limits: PoolLimits, at_s: float) -> Pool:
        """Return it with other limits from now on; what was counted counts on."""
        pool = Pool(self.name, limits)
        width = pool.pace.width
        pool.load(self.to_data(at_s), at_s=at_s)
        pool.flights, pool.last_sent_s = self.flights, self.last_sent_s
        for flight in self.flights.values():
            pool.bounds.hold(flight.tokens)
        if limits.concurrency != self.limits.concurrency:
            pool.pace.width = width
        return pool

    def feeds(self, at_s: float) -> int | None:
        """Return how many sessions have enough to do in it, None if nobody knows.

        Of a pool that takes one request at a time it is one session: side by side they
        would only wait for each other. Else a session works on its own half the time.
        """
        width = self.pace.known_width(at_s, is_set=self.limits.concurrency is not None)
        found = [] if width is None else [width if width == 1 else width * SHARING]
        per_minute = self.bounds.per_minute(at_s)
        found += [] if per_minute is None else [per_minute]
        return min(found, default=None)

    def rests_s(self, at_s: float) -> float:
        """Return for how many seconds nothing at all will be sent, as far as known."""
        until_s = max(self.bounds.fits_at(0, at_s), self.pace.rests_until(at_s))
        return 0.0 if until_s == NEVER else until_s - at_s

    @property
    def refusal(self) -> str:
        """What the provider said when it refused, empty once it takes requests."""
        return "" if self.pace.refusing_since_s is None else self._refusal

    def shuts_at(self, at_s: float) -> Mapping[str, Shut]:
        """Return of which accounts it takes nothing now, and why."""
        self._shuts = {
            account: shut
            for account, shut in self._shuts.items()
            if shut.until_s is None or at_s < shut.until_s
        }
        return self._shuts

    def closed_at(self, at_s: float, account: str = "") -> Shut | None:
        """Return why it takes nothing of an account now, None if it does."""
        return self.shuts_at(at_s).get(account)

    def close(
        self, reason: str, until_s: float | None = None, account: str = ""
    ) -> None:
        """Take nothing more of an account, until then or until `open_again`."""
        self._shuts = {**self._shuts, account: Shut(reason, until_s)}

    def open_again(self, at_s: float) -> None:
        """Take requests again: a person says that there is quota.

        So is what makes it rest for long forgotten, as it may have been an error; a
        short rest is over by itself.
        """
        self._shuts = {}
        if self.pace.rests_until(at_s) > at_s + LONG_REST_S:
            self.pace.rest_no_more()
        self.bounds.forget_long(at_s, LONG_REST_S)

    def fits_at(self, tokens: int, at_s: float) -> float:
        """Return the first moment at which one more fits; NEVER if an end must come."""
        if not self.pace.bears(self.flights.values(), at_s):
            return NEVER
        return max(
            self.bounds.fits_at(tokens, at_s),
            self.last_sent_s + self.limits.spacing_s,
            self.pace.rests_until(at_s),
        )

    def send(self, request: str, tokens: int, at_s: float) -> None:
        """Count a request as sent now, with what it may use at most."""
        self.flights[request] = Flight(at_s, tokens)
        self.last_sent_s = at_s
        self.bounds.send(tokens, at_s + self.limits.arrival_s)

    def answered(
        self, request: str, reply: Reply, at_s: float, account: str = ""
    ) -> None:
        """Learn from the beginning of an answer: its status and headers."""
        flight = self.flights[request]
        flight.answered_s = at_s
        if reply.kind in _TOO_MANY:
            self._refusal = reply.message
        arrives_s = flight.sent_s + self.limits.arrival_s
        self.bounds.arrived(flight.tokens, arrives_s, at_s)
        if reply.kind is ReplyKind.QUOTA_GONE:
            until_s = None if reply.wait_s is None else at_s + reply.wait_s
            self.close(_gone(self.name, reply), until_s, account)
        elif self.limits.adapts:
            self._learn(flight, reply, at_s)
        elif reply.kind in _TOO_MANY:
            # As of a rate: how many are sent at once is not for us to change.
            self.pace.struck(flight, at_s, others=0, is_rate=True)
            self.pace.rest(at_s, reply.wait_s)
        elif reply.kind is ReplyKind.FINE:
            self.pace.served(flight, at_s)

    def ended(self, request: str, tokens: int | None, at_s: float) -> None:
        """Let a request go; `tokens` is what it used, None if that is not known."""
        flight = self.flights.pop(request)
        used = flight.tokens if tokens is None else tokens
        self.bounds.ended(flight.tokens, used, at_s)

    def _learn(self, flight: Flight, reply: Reply, at_s: float) -> None:
        later = [one for one in self.flights.values() if one.answered_s is None]
        tokens = sum(one.tokens for one in later)
        for told in reply.told:
            self.bounds.learn(told, on_way=len(later), tokens_on_way=tokens, at_s=at_s)
        if reply.kind in _TOO_MANY:
            self._strike(flight, reply, at_s)
        elif reply.kind is ReplyKind.FINE:
            self.bounds.accepted(at_s)
            self.pace.accepted(flight, at_s)

    def _strike(self, flight: Flight, reply: Reply, at_s: float) -> None:
        others = len(self.flights) - 1
        is_told = any(one.most is not None or one.left == 0 for one in reply.told)
        is_rate = is_told or reply.kind is ReplyKind.OVERLOADED
        is_new = self.pace.struck(flight, at_s, others=others, is_rate=is_rate)
        if reply.concurrency is not None:
            self.pace.hold_to(reply.concurrency, at_s + FORGET_TOLD_S)
        elif is_new and not is_rate:
            self.bounds.guess(at_s)
        self.pace.rest(at_s, reply.wait_s)

    def to_data(self, at_s: float) -> dict[str, Any]:
        """Return what must outlive a restart, moments as seconds from now."""
        return {
            "pace": self.pace.to_data(at_s),
            "bounds": self.bounds.to_data(at_s),
            "refusal": self._refusal,
            "shuts": {
                account: [reason, None if until_s is None else until_s - at_s]
                for account, (reason, until_s) in self.shuts_at(at_s).items()
            },
        }

    def load(self, data: Mapping[str, Any], *, at_s: float) -> None:
        """Go on from what `to_data` told at this moment."""
        self.pace = Pace.from_data(data["pace"], at_s=at_s, most=self.pace.most)
        self.bounds.load(data["bounds"], at_s=at_s)
        self._refusal = data.get("refusal", "")
        for account, (reason, in_s) in data.get("shuts", {}).items():
            self.close(reason, None if in_s is None else at_s + in_s, account)


def standing_of(pool: str, account: str) -> str:
    """Name how a pool stands towards one account, beside how it stands to all."""
    return f"{pool} @{account}"


def _gone(name: str, reply: Reply) -> str:
    words = reply.message.rstrip(".")
    said = f'; the provider says: "{words}"' if words else ""
    return f"The quota of {name} is used up{said}."
