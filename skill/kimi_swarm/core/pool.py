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

from kimi_swarm.core.pace import LONG_AGO, Flight, Pace
from kimi_swarm.core.rate_reply import Reply, ReplyKind
from kimi_swarm.core.window import NEVER, Count, Measure, Window

FORGET_TOLD_S = 3600.0
"""After this long a limit that a provider told is tried anew: it may have risen."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What is known of a pool before anything is asked of it.

    `concurrency` is how many may be on their way, None if nobody said; `start` is the
    first guess then. Two starts are `spacing_s` apart. A provider counts a request at
    most `arrival_s` after it was sent. A pool that does not adapt keeps to its limits
    and learns nothing.
    """

    concurrency: int | None = None
    windows: tuple[Window, ...] = ()
    spacing_s: float = 0.0
    start: int = 5
    arrival_s: float = 1.0
    adapts: bool = True


class Shut(NamedTuple):
    """Why a pool takes nothing any more: a sentence; until when, None if not told."""

    reason: str
    until_s: float | None = None


class Pool:
    """One pool's limits, and the requests that are on their way in it."""

    def __init__(self, name: str, limits: PoolLimits) -> None:
        self.name = name
        self.limits = limits
        self.flights: dict[str, Flight] = {}
        self.counts = [Count(window) for window in limits.windows]
        most = math.inf if limits.concurrency is None else limits.concurrency
        start = most if limits.concurrency is not None else limits.start
        self.pace = Pace(width=float(start), most=most)
        self.shut: Shut | None = None
        self.last_sent_s = LONG_AGO

    def closed_at(self, at_s: float) -> Shut | None:
        """Return why it takes nothing now, None if it is open."""
        shut = self.shut
        if shut is not None and shut.until_s is not None and at_s >= shut.until_s:
            self.shut = shut = None
        return shut

    def open_again(self) -> None:
        """Take requests again: a person says that there is quota."""
        self.shut = None

    def fits_at(self, tokens: int, at_s: float) -> float:
        """Return the first moment at which one more fits; NEVER if an end must come."""
        unanswered = sum(one.answered_s is None for one in self.flights.values())
        if not self.pace.bears(len(self.flights), unanswered):
            return NEVER
        moments = [at_s, self.last_sent_s + self.limits.spacing_s]
        moments.append(self.pace.rests_until(at_s))
        fits = (count.fits_at(_amount(count, tokens), at_s) for count in self.counts)
        return max(*moments, *fits)

    def send(self, request: str, tokens: int, at_s: float) -> None:
        """Count a request as sent now, with what it may use at most."""
        beside = len(self.flights) + 1
        is_full = beside >= int(self.pace.width)
        self.flights[request] = Flight(at_s, beside, tokens, is_full)
        self.last_sent_s = at_s
        for count in self.counts:
            if count.window.counts_asked or count.window.measure is Measure.REQUESTS:
                count.take(_amount(count, tokens), at_s + self.limits.arrival_s)
            else:
                count.held += _amount(count, tokens)

    def answered(self, request: str, reply: Reply, at_s: float) -> None:
        """Learn from the beginning of an answer: its status and headers."""
        flight = self.flights[request]
        flight.answered_s = at_s
        self._count_sooner(flight, at_s)
        if reply.kind is ReplyKind.QUOTA_GONE:
            until_s = None if reply.wait_s is None else at_s + reply.wait_s
            self.shut = Shut(reply.message, until_s)
        elif not self.limits.adapts:
            return
        elif reply.kind in (ReplyKind.RATE_LIMIT, ReplyKind.OVERLOADED):
            self._strike(flight, reply, at_s)
        else:
            self.pace.accepted(flight, at_s)

    def ended(self, request: str, tokens: int | None, at_s: float) -> None:
        """Let a request go; `tokens` is what it used, None if that is not known."""
        flight = self.flights.pop(request)
        used = flight.tokens if tokens is None else tokens
        for count in self.counts:
            window = count.window
            if window.measure is Measure.TOKENS and not window.counts_asked:
                count.held -= _amount(count, flight.tokens)
                count.take(used, at_s)

    def _count_sooner(self, flight: Flight, at_s: float) -> None:
        """Count it from its answer on, where that came before its latest arrival."""
        latest_s = flight.sent_s + self.limits.arrival_s
        for count in self.counts:
            is_asked = (
                count.window.counts_asked or count.window.measure is Measure.REQUESTS
            )
            if is_asked and at_s < latest_s:
                count.give_back(_amount(count, flight.tokens), latest_s)
                count.take(_amount(count, flight.tokens), at_s)

    def _strike(self, flight: Flight, reply: Reply, at_s: float) -> None:
        others = len(self.flights) - 1
        of_width = self.pace.is_of_width(flight, at_s)
        self.pace.struck(flight, at_s, others=others, of_width=of_width)
        if reply.concurrency is not None:
            self.pace.hold_to(reply.concurrency)
        self.pace.rest(at_s, reply.wait_s)
        for other in self.flights.values():
            if other.sent_s >= flight.sent_s and other.answered_s is None:
                other.beside = max(1, other.beside - 1)

    def to_data(self, at_s: float) -> dict[str, Any]:
        """Return what must outlive a restart, moments as seconds from now."""
        shut = self.closed_at(at_s)
        until_s = None if shut is None else shut.until_s
        return {
            "pace": self.pace.to_data(at_s),
            "counts": [
                [count.window.measure.value, count.window.per_s, count.to_data(at_s)]
                for count in self.counts
            ],
            "shut": None if shut is None else shut.reason,
            "shut_until": None if until_s is None else until_s - at_s,
        }

    def load(self, data: Mapping[str, Any], *, at_s: float) -> None:
        """Go on from what `to_data` told at this moment."""
        self.pace = Pace.from_data(data["pace"], at_s=at_s, most=self.pace.most)
        for measure, per_s, kept in data["counts"]:
            for count in self.counts:
                if (count.window.measure, count.window.per_s) == (measure, per_s):
                    count.load(kept, at_s=at_s)
        if data["shut"] is not None:
            in_s = data["shut_until"]
            self.shut = Shut(data["shut"], None if in_s is None else at_s + in_s)


def _amount(count: Count, tokens: int) -> int:
    if count.window.measure is Measure.REQUESTS:
        return 1
    return min(tokens, count.window.most)
