"""Requests and tokens per time: what one pool may still send, as set, told or guessed.

Times are seconds on any one clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.rate_headers import Told
from kimi_swarm.core.window import LONG_AGO, UNBOUNDED, Count, Measure, Window

RECENT_S = 60.0
FORGET_TOLD_S = 3600.0
"""After this long a limit that a provider told is tried anew: it may have risen."""
LONGEST_LEFT_S = 3600.0
"""So long at most is a provider's word kept to that it has nothing left."""
LONGEST_TOLD_S = 86_400.0
FORGET_GUESS_S = 120.0
ALIKE = 3
"""So many refusals must have come after the same number of requests for a guess."""
ALIKE_SHARE = 0.04
FEWEST = 10


@dataclass(slots=True)
class _Left:
    """What a provider said is left until it begins to count anew."""

    left: int
    until_s: float


class Bounds:
    """The windows of one pool. With `adapts` it learns those that nobody set."""

    def __init__(self, windows: Iterable[Window], *, adapts: bool) -> None:
        self.counts = [Count(window) for window in windows]
        self._left: dict[Measure, _Left] = {}
        self._taken = Count(Window(Measure.REQUESTS, UNBOUNDED, RECENT_S))
        self._taken_when_struck: deque[int] = deque(maxlen=ALIKE)
        for measure in Measure if adapts else ():
            self._count_of(measure, RECENT_S)

    def fits_at(self, tokens: int, at_s: float) -> float:
        """Return the first moment at which one more fits; NEVER if an end must come."""
        fits = [
            count.fits_at(_amount(count.window.measure, tokens), at_s)
            for count in self.counts
        ]
        for measure, one in self._left.items():
            if one.left < _amount(measure, tokens):
                fits.append(one.until_s)
        return max(at_s, *fits) if fits else at_s

    def send(self, tokens: int, arrives_s: float) -> None:
        """Count a request that arrives at this moment at the latest."""
        for measure, one in self._left.items():
            one.left -= _amount(measure, tokens)
        for count in self.counts:
            amount = _amount(count.window.measure, tokens)
            if count.counts_sent:
                count.take(amount, arrives_s)
            else:
                count.held += amount

    def hold(self, tokens: int) -> None:
        """Reserve what a request may use that was sent before this began to count."""
        for count in self.counts:
            if not count.counts_sent:
                count.held += tokens

    def per_minute(self, at_s: float) -> int | None:
        """Return how many requests a minute are let through, None if nothing says.

        Longer windows say nothing of a minute: they may be used up in one go.
        """
        found = [
            max(1, int(count.most(at_s) * RECENT_S / count.window.per_s))
            for count in self.counts
            if count.window.measure is Measure.REQUESTS
            and count.window.per_s <= RECENT_S
            and count.most(at_s) < UNBOUNDED
        ]
        return min(found, default=None)

    def arrived(self, tokens: int, arrives_s: float, at_s: float) -> None:
        """Count a request from now on, if it was to arrive later than that."""
        for count in self.counts:
            if count.counts_sent and at_s < arrives_s:
                amount = _amount(count.window.measure, tokens)
                count.give_back(amount, arrives_s)
                count.take(amount, at_s)

    def ended(self, tokens: int, used: int, at_s: float) -> None:
        """Count what a request used instead of what it reserved."""
        for count in self.counts:
            if not count.counts_sent:
                count.held -= tokens
                count.take(used, at_s)

    def accepted(self, at_s: float) -> None:
        """Note that the provider took a request."""
        self._taken.take(1, at_s)

    def learn(
        self, told: Told, *, on_way: int, tokens_on_way: int, at_s: float
    ) -> None:
        """Keep to a window of which the provider told.

        What is on the way may not have been counted when it said what is left.
        """
        if told.most is not None and told.per_s is not None:
            count = self._count_of(told.measure, told.per_s)
            for_s = min(max(FORGET_TOLD_S, told.per_s), LONGEST_TOLD_S)
            count.learn(told.most, at_s + for_s)
        if told.left is not None and told.reset_s is not None:
            sent = tokens_on_way if told.measure is Measure.TOKENS else on_way
            left = max(0, told.left - sent)
            until_s = at_s + min(told.reset_s, LONGEST_LEFT_S)
            self._left[told.measure] = _Left(left, until_s)

    def forget_long(self, at_s: float, longer_s: float) -> None:
        """Forget what was learnt or told by which nothing is sent for longer."""
        until_s = at_s + longer_s
        self._left = {
            measure: one
            for measure, one in self._left.items()
            if one.until_s <= until_s
        }
        for count in self.counts:
            if count.fits_at(1, at_s) > until_s:
                count.learn(UNBOUNDED, LONG_AGO)

    def guess(self, at_s: float) -> None:
        """Keep to a rate that nobody told, if each refusal came after just as many."""
        struck = self._taken_when_struck
        taken = self._taken.taken(at_s)
        struck.append(taken)
        is_alike = max(struck) - min(struck) <= max(1.0, ALIKE_SHARE * taken)
        if len(struck) == ALIKE and is_alike and taken >= FEWEST:
            count = self._count_of(Measure.REQUESTS, RECENT_S)
            count.learn(min(struck), at_s + FORGET_GUESS_S)

    def _count_of(self, measure: Measure, per_s: float) -> Count:
        for count in self.counts:
            if (count.window.measure, count.window.per_s) == (measure, per_s):
                return count
        self.counts.append(Count(Window(measure, UNBOUNDED, per_s)))
        return self.counts[-1]

    def to_data(self, at_s: float) -> dict[str, Any]:
        """Return what must outlive a restart, moments as seconds from now."""
        return {
            "counts": [count.to_data(at_s) for count in self.counts],
            "left": [
                [measure.value, one.left, one.until_s - at_s]
                for measure, one in self._left.items()
                if one.until_s > at_s
            ],
            "struck": list(self._taken_when_struck),
        }

    def load(self, data: Mapping[str, Any], *, at_s: float) -> None:
        """Go on from what `to_data` told at this moment."""
        for kept in data["counts"]:
            count = self._count_of(Measure(kept["measure"]), kept["per_s"])
            count.load(kept, at_s=at_s)
        for measure, left, in_s in data["left"]:
            until_s = at_s + min(in_s, LONGEST_LEFT_S)
            self._left[Measure(measure)] = _Left(left, until_s)
        self._taken_when_struck.extend(data["struck"])


def _amount(measure: Measure, tokens: int) -> int:
    return 1 if measure is Measure.REQUESTS else tokens
