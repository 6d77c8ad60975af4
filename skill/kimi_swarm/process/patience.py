"""How long a worker may write nothing: what its shim counts from look to look.

Standard library only, and nothing that asks the machine: moments come from outside.
"""

from __future__ import annotations

from collections.abc import Sequence

STEP_S = 1.0
"""How often a shim looks, at the least."""
STANDSTILL_S = 5.0
NO_FIRST_OUTPUT = "no_first_output"
SILENT = "silent"

Mark = tuple[int, int]


class Patience:
    """Counts the seconds in which a worker wrote nothing.

    It may write nothing at all for `first_output_s`, and nothing more for `silence_s`
    after that; None is no limit. A gap between two looks of STANDSTILL_S or more means
    that the machine stood still, and the worker with it: it counts as STEP_S.
    """

    def __init__(
        self, first_output_s: float | None, silence_s: float | None, *, at: float
    ) -> None:
        self._first_output_s = first_output_s
        self._silence_s = silence_s
        self._at = at
        self._marks: Sequence[Mark] = ()
        self._has_spoken = False
        self._quiet_s = 0.0

    def look(self, at: float, marks: Sequence[Mark], *, is_asking: bool) -> None:
        """Take in how the logs are at a moment: the size and the time of each.

        Whoever waits to be answered, by a person or by a provider that we hold it back
        from (`is_asking`), has nothing to say.
        """
        gap_s = at - self._at
        self._quiet_s += gap_s if gap_s < STANDSTILL_S else STEP_S
        # Any difference is output: a log is also cut, and a clock may be set back.
        is_news = marks != self._marks if self._has_spoken else _has_text(marks)
        if is_news or is_asking:
            self._quiet_s = 0.0
        self._has_spoken = self._has_spoken or is_news
        self._at, self._marks = at, marks

    @property
    def cause(self) -> str | None:
        """Which limit is broken, None while the worker may go on."""
        limit_s = self._limit_s
        if limit_s is None or self._quiet_s < limit_s:
            return None
        return SILENT if self._has_spoken else NO_FIRST_OUTPUT

    @property
    def next_look_s(self) -> float:
        """After how many seconds the next look is due; never 0."""
        if self._limit_s is None or self.cause is not None:
            return STEP_S
        return min(STEP_S, self._limit_s - self._quiet_s)

    @property
    def _limit_s(self) -> float | None:
        return self._silence_s if self._has_spoken else self._first_output_s


def _has_text(marks: Sequence[Mark]) -> bool:
    return any(size for size, _ in marks)
