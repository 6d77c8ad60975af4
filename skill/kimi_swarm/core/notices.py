"""Telling a host that a run ended: when to try again, and when to give up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 600.0
MOST_TRIES = 200
"""About a day at the longest pause; time in which nothing runs is not counted."""
TEXT = "{text}"
SESSION_KEY = "{session_key}"


class NoticeCommand(NamedTuple):
    """How a host is told: by absolute paths, with what of the asker's environment.

    `argv` still holds `{text}`. `env` has values that are no secrets; `passed` names
    those that stay in memory. `caller` is how the host calls us.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    passed: tuple[str, ...]
    limit_s: float
    caller: str


def next_pause_s(tries: int, *, chance: float) -> float | None:
    """Return how long to wait after so many calls that failed, None to give up.

    Pauses double up to the longest; `chance` from 0 to 1 spreads them over their upper
    half.
    """
    if tries >= MOST_TRIES:
        return None
    whole_s = min(FIRST_PAUSE_S * 2.0 ** min(tries - 1, 20), LONGEST_PAUSE_S)
    return whole_s * (0.5 + chance / 2)


def left_s(due_at: float, *, at: float) -> float:
    """Return how long a notice has to wait yet.

    A moment further away than any pause was written before the clock was set back.
    """
    wait_s = due_at - at
    return 0.0 if wait_s > LONGEST_PAUSE_S else max(0.0, wait_s)


def filled(argv: Sequence[str], values: dict[str, str]) -> tuple[str, ...]:
    """Put values at their places, each once: what a value holds is no place."""
    places = re.compile("|".join(map(re.escape, values)))
    return tuple(places.sub(lambda found: values[found[0]], word) for word in argv)
