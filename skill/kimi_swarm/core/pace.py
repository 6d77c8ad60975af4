"""How many requests at once a provider bears, learnt from what it refuses.

It begins in doubling steps. At a rate limit it shrinks at once to what the provider
still serves, down to one; after quiet it grows again by one, and is slower to try each
time that fails. Refusals of one burst are one signal: only the first one of a request
that was sent after the last strike is another. Until the provider accepts again, one
request at a time goes out to ask.

Times are seconds on any one clock that never goes back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.window import LONG_AGO, UNBOUNDED

FIRST_PATIENCE_S = 5.0
LONGEST_PATIENCE_S = 45.0
RESTLESS_PATIENCE_S = 10.0
RESTLESS_S = 300.0
SHORTEST_REST_S = 1.0
LONGEST_FIRST_REST_S = 60.0
LONGEST_REST_S = 300.0
LONGEST_TOLD_REST_S = 3600.0
"""After this long one request asks, whatever the provider told: it may have erred."""
GENTLY = 0.7
"""What is left of the width where only the rate was too high."""
_MOMENTS = (
    "struck_s",
    "fell_s",
    "grown_s",
    "refusing_since_s",
    "rest_until_s",
    "told_until_s",
)
_PLAIN = (
    "width",
    "outage_s",
    "width_before",
    "is_dry",
    "is_steep",
    "patience_s",
    "told",
)


@dataclass(slots=True)
class Flight:
    """A request on its way: when it was sent, and the tokens that it reserved.

    `answered_s` is when the provider began to answer.
    """

    sent_s: float
    tokens: int
    answered_s: float | None = None


@dataclass(slots=True)
class Pace:
    """The width of one pool: `width` requests at once, at most `most`.

    `missed_s` is when the width last held up a request, `struck_s` the last refusal
    that told something new, `told` what the provider said of its width. Since
    `refusing_since_s` nothing was accepted; the width was `width_before` then, and not
    at fault if `is_dry`.
    """

    width: float
    most: float = math.inf
    is_steep: bool = True
    patience_s: float = FIRST_PATIENCE_S
    struck_s: float = LONG_AGO
    grown_s: float = LONG_AGO
    fell_s: float = LONG_AGO
    refusing_since_s: float | None = None
    rest_until_s: float = LONG_AGO
    outage_s: float = 0.0
    width_before: float = 1.0
    is_dry: bool = False
    missed_s: float = LONG_AGO
    told: int = UNBOUNDED
    told_until_s: float = LONG_AGO

    def bears(self, flights: Collection[Flight], at_s: float) -> bool:
        """Whether one more may be on its way; if not, note that more were wanted."""
        if len(flights) + 1 > max(1.0, self.width):
            self.missed_s = at_s
            return False
        if self.refusing_since_s is not None and any(map(self._asks, flights)):
            return False
        return at_s >= self.told_until_s or len(flights) < self.told

    def _asks(self, flight: Flight) -> bool:
        return flight.answered_s is None and flight.sent_s >= self.struck_s

    def known_width(self, at_s: float, *, is_set: bool) -> int | None:
        """Return how many at once it bears, None while nothing was ever refused.

        With `is_set` somebody said what it begins with.
        """
        told = [self.told] if at_s < self.told_until_s else []
        if (is_set or not self.is_steep) and math.isfinite(self.width):
            told.append(max(1, int(self.width)))
        return min(told, default=None)

    def rests_until(self, at_s: float) -> float:
        """Return the moment until which nothing is sent; now, if it does not rest."""
        return max(at_s, self.rest_until_s)

    def accepted(self, flight: Flight, at_s: float) -> None:
        """Take in that the provider took a request; grow if that proved enough."""
        if flight.sent_s < self.struck_s:
            return
        self.served(flight, at_s)
        if self.missed_s < flight.sent_s:
            return
        if self.is_steep:
            self.width = min(self.width + 1, self.most)
        elif at_s - max(self.struck_s, self.grown_s) >= self.patience_s:
            if self.grown_s > self.struck_s:
                self.patience_s = FIRST_PATIENCE_S
            self.width = min(int(self.width) + 1, self.most)
            self.grown_s = at_s

    def served(self, flight: Flight, at_s: float) -> None:
        """Take in that the provider takes requests again, if it had refused them."""
        if self.refusing_since_s is not None and flight.sent_s >= self.struck_s:
            self._end_outage(at_s - self.refusing_since_s)

    def struck(
        self, flight: Flight, at_s: float, *, others: int, is_rate: bool
    ) -> bool:
        """Shrink after a refusal; return whether it was the first of its burst.

        `others` are still on their way: what the provider serves, once all refusals of
        the burst are in. With `is_rate` it said that there were too many in a time; who
        is refused alone is so for that reason too, and then the width was not at fault.
        """
        is_new = flight.sent_s >= self.struck_s
        if is_new:
            self._begin_episode(at_s)
        if is_rate or not others:
            self.is_dry = True
        else:
            self.width = max(1.0, min(self.width, float(others)))
        return is_new

    def rest(self, at_s: float, wait_s: float | None) -> None:
        """Send nothing for as long as the provider says, an hour at most.

        If it does not say, for half as long as it has been refusing, and from the
        start for a quarter of what that took the last time. So too if it says "at
        once", and whoever asked then was refused again.
        """
        since_s = at_s if self.refusing_since_s is None else self.refusing_since_s
        at_first_s = max(SHORTEST_REST_S, min(self.outage_s / 4, LONGEST_FIRST_REST_S))
        own_s = min(max(at_first_s, (at_s - since_s) / 2), LONGEST_REST_S)
        if wait_s is None or (wait_s < SHORTEST_REST_S and self.struck_s > since_s):
            wait_s = own_s
        wait_s = min(wait_s, LONGEST_TOLD_REST_S)
        self.rest_until_s = max(at_s + wait_s, self.rest_until_s)

    def rest_no_more(self) -> None:
        """Ask at once, whatever was told."""
        self.rest_until_s = LONG_AGO

    def hold_to(self, width: int, until_s: float) -> None:
        """Take the provider's word for how many at once it bears."""
        self.width = max(1.0, min(self.width, float(width)))
        self.told, self.told_until_s = width, until_s

    def _begin_episode(self, at_s: float) -> None:
        if self.refusing_since_s is None:
            self.refusing_since_s = at_s
            self.width_before, self.is_dry = self.width, False
            self._be_patient(at_s)
        self.is_steep = False
        self.struck_s = at_s

    def _be_patient(self, at_s: float) -> None:
        """Wait longer before growing if growing brought the refusal.

        If not, the provider bears less than before, and may soon bear more again: then
        for some minutes it is tried more often.
        """
        if not self.is_steep and at_s - self.grown_s > 2 * self.patience_s:
            self.fell_s, self.patience_s = at_s, FIRST_PATIENCE_S
            return
        is_restless = at_s - self.fell_s <= RESTLESS_S
        longest_s = RESTLESS_PATIENCE_S if is_restless else LONGEST_PATIENCE_S
        self.patience_s = min(longest_s, self.patience_s * 2)

    def _end_outage(self, took_s: float) -> None:
        self.refusing_since_s = None
        self.outage_s = took_s
        if self.is_dry:
            self.width = max(self.width, self.width_before * GENTLY)

    def to_data(self, at_s: float) -> dict[str, Any]:
        """Return it as plain data, moments as seconds from now."""
        found = {name: getattr(self, name) for name in _PLAIN}
        for name in _MOMENTS:
            moment = getattr(self, name)
            is_known = moment is not None and math.isfinite(moment)
            found[name] = moment - at_s if is_known else None
        return found

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, at_s: float, most: float) -> Pace:
        """Rebuild it from what `to_data` told, as seen from this moment."""
        fields = {name: data[name] for name in _PLAIN}
        for name in _MOMENTS:
            if data[name] is not None:
                fields[name] = min(data[name], LONGEST_TOLD_REST_S) + at_s
        return cls(most=most, **{**fields, "width": min(fields["width"], most)})
