"""How many requests at once a provider bears, learnt from what it refuses.

It begins in doubling steps. At a rate limit it shrinks at once to what the provider
still serves, down to one; after quiet it grows again by one, and is slower to try each
time that fails. Refusals of one burst are one signal: only of a request that was sent
after the last shrinking can anything new be learnt. While nothing is accepted, one
request at a time goes out to ask.

Times are seconds on any one clock that never goes back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST_PATIENCE_S = 10.0
LONGEST_PATIENCE_S = 180.0
SHORTEST_REST_S = 1.0
LONGEST_REST_S = 300.0
GENTLY = 0.7
"""What is left of the width where only the rate was too high."""
RECENT_S = 60.0
LONG_AGO = -math.inf
_MOMENTS = ("struck_s", "grown_s", "refusing_since_s", "rest_until_s", "proven_s")
_PLAIN = ("width", "is_steep", "patience_s", "proven")


@dataclass(slots=True)
class Flight:
    """A request on its way: when it was sent, and beside how many, itself included.

    Others that were refused while it was on its way are taken off `beside`. `tokens` is
    what it reserved. `answered_s` is when the provider began to answer.
    """

    sent_s: float
    beside: int
    tokens: int
    is_full: bool
    answered_s: float | None = None


@dataclass(slots=True)
class Pace:
    """The width of one pool: `width` requests at once, at most `most`."""

    width: float
    most: float = math.inf
    is_steep: bool = True
    patience_s: float = FIRST_PATIENCE_S
    struck_s: float = LONG_AGO
    grown_s: float = LONG_AGO
    refusing_since_s: float | None = None
    rest_until_s: float = LONG_AGO
    proven: int = 0
    proven_s: float = LONG_AGO

    def bears(self, in_flight: int, unanswered: int) -> bool:
        """Whether one more may be on its way."""
        if self.refusing_since_s is not None and unanswered:
            return False
        return in_flight < max(1, int(self.width))

    def rests_until(self, at_s: float) -> float:
        """Return the moment until which nothing is sent; now, if it does not rest."""
        return max(at_s, self.rest_until_s)

    def accepted(self, flight: Flight, at_s: float) -> None:
        """Take in that the provider took a request; grow if that proved enough."""
        self._prove(flight, at_s)
        if flight.sent_s < self.struck_s:
            return
        self.refusing_since_s = None
        if not flight.is_full:
            return
        if self.is_steep:
            self.width = min(self.width + 1, self.most)
        elif at_s - max(self.struck_s, self.grown_s) >= self.patience_s:
            if self.grown_s > self.struck_s:
                self.patience_s = max(FIRST_PATIENCE_S, self.patience_s / 2)
            self.width = min(int(self.width) + 1, self.most)
            self.grown_s = at_s

    def is_of_width(self, flight: Flight, at_s: float) -> bool:
        """Whether a refusal tells of too many at once, not of too many a minute.

        As many at once as were accepted within the last minute cannot be too many.
        """
        is_recent = at_s - self.proven_s <= RECENT_S
        return not is_recent or flight.beside > self.proven

    def struck(
        self, flight: Flight, at_s: float, *, others: int, of_width: bool
    ) -> bool:
        """Shrink after a refusal; return whether it was the first of its burst.

        `others` are still on their way: what the provider serves, once all refusals of
        the burst are in. `of_width` says that there were too many at once.
        """
        is_new = flight.sent_s >= self.struck_s
        if is_new:
            self._begin_episode(at_s)
            if not of_width:
                self.width = max(1.0, self.width * GENTLY)
        if of_width:
            self.width = max(1.0, min(self.width, float(others)))
        return is_new

    def rest(self, at_s: float, wait_s: float | None) -> None:
        """Send nothing for as long as the provider says.

        If it does not say, for half as long as it has been refusing.
        """
        since_s = at_s if self.refusing_since_s is None else self.refusing_since_s
        own_s = min(max(SHORTEST_REST_S, (at_s - since_s) / 2), LONGEST_REST_S)
        until_s = at_s + (own_s if wait_s is None else wait_s)
        self.rest_until_s = max(until_s, self.rest_until_s)

    def hold_to(self, width: int) -> None:
        """Take the provider's word for how many at once it bears."""
        self.width = max(1.0, min(self.width, float(width)))

    def _begin_episode(self, at_s: float) -> None:
        if self.grown_s > self.struck_s:
            self.patience_s = min(LONGEST_PATIENCE_S, self.patience_s * 2)
        self.is_steep = False
        self.struck_s = at_s
        if self.refusing_since_s is None:
            self.refusing_since_s = at_s

    def _prove(self, flight: Flight, at_s: float) -> None:
        is_recent = at_s - self.proven_s <= RECENT_S
        if not is_recent or flight.beside >= self.proven:
            self.proven, self.proven_s = flight.beside, at_s

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
                fields[name] = data[name] + at_s
        return cls(most=most, **{**fields, "width": min(fields["width"], most)})
