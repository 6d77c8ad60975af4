"""How much went through one window of time, so that no provider ever sees too much.

Providers count differently: some in windows that begin on the minute, some over the
last minute. What keeps to `most` within **any** stretch of `per_s` seconds keeps to
both; a token bucket does not, as it lets a full bucket and a window's worth through.
What is counted leaves `per_s` after the latest moment at which the provider may have
counted it, rounded up to 1/256 of the window, so that a day's count stays small.

Times are seconds on any one clock that never goes back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GRAINS = 256
LARGE = 4 * GRAINS
UNBOUNDED = 1 << 60
LONG_AGO = -math.inf
NEVER = math.inf
"""A moment that only comes when something else ends first."""


class Measure(StrEnum):
    """What a window counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` requests or tokens within any `per_s` seconds.

    Tokens are counted as they were used, when a request has ended; with `counts_asked`
    as they were asked for (input and the most it may answer), when it was sent.
    """

    measure: Measure
    most: int
    per_s: float
    counts_asked: bool = False


class Count:
    """What one window has taken in: what is on its way, and what was counted when.

    Beside the window's own bound there may be one that was learnt, for a time.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.held = 0
        self.learnt = UNBOUNDED
        self.learnt_until_s = LONG_AGO
        self._grain_s = window.per_s / GRAINS
        self._leaving: dict[int, int] = {}

    @property
    def counts_sent(self) -> bool:
        """Whether a request counts as soon as it is sent, not by what it used."""
        return self.window.counts_asked or self.window.measure is Measure.REQUESTS

    def most(self, at_s: float) -> int:
        """Return the bound that holds now."""
        is_learnt = at_s < self.learnt_until_s
        return min(self.window.most, self.learnt) if is_learnt else self.window.most

    def learn(self, most: int, until_s: float) -> None:
        """Keep to this bound too, until that moment."""
        self.learnt, self.learnt_until_s = most, until_s

    def taken(self, at_s: float) -> int:
        """Return how much counts at this moment, held amounts included."""
        for key in [key for key in self._leaving if key * self._grain_s <= at_s]:
            del self._leaving[key]
        return self.held + sum(self._leaving.values())

    def fits_at(self, amount: int, at_s: float) -> float:
        """Return the first moment at which the amount fits, NEVER if an end must come.

        More than the window ever takes fits when nothing else counts.
        """
        most = self.most(at_s)
        if most >= UNBOUNDED:
            return at_s
        over = self.taken(at_s) + min(amount, most) - most
        if over <= 0:
            return at_s
        for key in sorted(self._leaving):
            over -= self._leaving[key]
            if over <= 0:
                return key * self._grain_s
        return NEVER

    def take(self, amount: int, counted_s: float) -> None:
        """Count an amount that the provider counted at this moment at the latest."""
        key = self._key(counted_s)
        self._leaving[key] = self._leaving.get(key, 0) + amount
        if len(self._leaving) > LARGE:  # nobody asks a window that bounds nothing
            self.taken(counted_s - self.window.per_s)

    def give_back(self, amount: int, counted_s: float) -> None:
        """Undo a `take`, as far as it still counts."""
        key = self._key(counted_s)
        left = self._leaving.get(key, 0) - amount
        if left > 0:
            self._leaving[key] = left
        else:
            self._leaving.pop(key, None)

    def _key(self, counted_s: float) -> int:
        return math.ceil((counted_s + self.window.per_s) / self._grain_s)

    def to_data(self, at_s: float) -> dict[str, Any]:
        """Return what must outlive a restart, moments as seconds from now."""
        is_learnt = at_s < self.learnt_until_s
        return {
            "measure": self.window.measure.value,
            "per_s": self.window.per_s,
            "leaving": self._in(at_s),
            "learnt": [self.learnt, self.learnt_until_s - at_s] if is_learnt else None,
        }

    def load(self, data: Mapping[str, Any], *, at_s: float) -> None:
        """Count what `to_data` told at this moment."""
        for in_s, amount in data["leaving"]:
            self.take(int(amount), at_s + in_s - self.window.per_s)
        if data["learnt"] is not None:
            most, in_s = data["learnt"]
            self.learn(int(most), at_s + in_s)

    def _in(self, at_s: float) -> list[tuple[float, int]]:
        """Return in how many seconds how much leaves; what is held counts as used."""
        self.taken(at_s)
        found = [
            (key * self._grain_s - at_s, amount)
            for key, amount in self._leaving.items()
        ]
        return [*found, (self.window.per_s, self.held)] if self.held else found
