"""What the machine carries of workers of all kinds together. Pure.

Each kind says what one worker takes of memory and of cores. One that alone is too much
for the machine runs alone: else it never would.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_ROUNDING = 1e-6
"""Thirds and sevenths of a core add up to no more than it."""


class Weight(NamedTuple):
    """What something takes, or has, of a machine: MiB of memory, and cores."""

    memory_mib: float = 0.0
    cores: float = 0.0

    def __bool__(self) -> bool:
        return self.memory_mib > 0 or self.cores > 0


UNBOUNDED = Weight(math.inf, math.inf)
_NOTHING = Weight()


class MachineRoom:
    """Counts what is taken as places are given away, by the names of profiles."""

    def __init__(
        self, machine: Weight, weights: Mapping[str, Weight], busy: Iterable[str]
    ) -> None:
        self._machine = machine
        self._weights = weights
        self._taken = _NOTHING
        self._kept_from = math.inf
        for profile in busy:
            self.start(profile)

    def start(self, profile: str) -> None:
        """Count one more worker."""
        self._taken = self._with(profile)

    def bears(self, profile: str, at: float) -> bool:
        """Whether one more worker, that may start at a moment, fits beside what runs.

        One that does not has the next room: no lighter one takes it from then on.
        """
        if not self._weights.get(profile, _NOTHING):
            return True
        if at >= self._kept_from:
            return False
        after = self._with(profile)
        fits = not self._taken or (
            after.memory_mib <= self._machine.memory_mib
            and after.cores <= self._machine.cores + _ROUNDING
        )
        if not fits:
            self._kept_from = at
        return fits

    def _with(self, profile: str) -> Weight:
        weight = self._weights.get(profile, _NOTHING)
        return Weight(
            self._taken.memory_mib + weight.memory_mib,
            self._taken.cores + weight.cores,
        )
