"""clear of several runs at once: the named ones, or all that ended long ago."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kimi_swarm.actions.clear import Cleared, UnmergedWorkError, clear
from kimi_swarm.actions.state import reading
from kimi_swarm.errors import SwarmError, UsageError
from kimi_swarm.process.clock import now
from kimi_swarm.store.runs import runs_ended_before

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Left:
    """A run that was not cleared, and why; `short` says why in a few words."""

    run: str
    code: str
    message: str
    remedy: str
    short: str = ""


@dataclass(slots=True)
class Tidied:
    """Which runs went and which were left; with `dry_run` nothing went yet."""

    dry_run: bool
    cleared: list[Cleared] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def freed_bytes(self) -> int:
        """How much room that gave, or would give."""
        return sum(each.freed_bytes for each in self.cleared)


def age_s(text: str) -> float:
    """Read an age such as `7d`, `12h`, `30m`; raises UsageError."""
    match = re.fullmatch(rf"(\d{{1,{LONGEST_DIGITS}}})([smhdw])", text, re.ASCII)
    if match is None:
        raise UsageError(
            f"{text!r} is no age.", remedy="Give a number and a unit: 30m, 12h or 7d."
        )
    return float(int(match[1]) * UNITS_S[match[2]])


def ended_before(home: str, *, older_than_s: float) -> list[str]:
    """Return the runs that ended longer ago than that, oldest first."""
    with reading(home) as connection:
        if connection is None:
            return []
        return runs_ended_before(connection, now() - older_than_s)


async def clear_all(
    home: str, runs: Sequence[str], *, is_forced: bool, is_dry: bool
) -> Tidied:
    """Clear each run with the guarantees of `clear`; one that cannot go is left.

    With `is_dry` nothing is changed: it says what would go.
    """
    tidied = Tidied(is_dry)
    for run in dict.fromkeys(runs):
        try:
            gone = await clear(home, run, is_forced=is_forced, is_dry=is_dry)
        except SwarmError as error:
            left = Left(run, error.code, str(error), error.remedy, _in_short(error))
            tidied.left.append(left)
        else:
            tidied.cleared.append(gone)
    return tidied


def _in_short(error: SwarmError) -> str:
    if not isinstance(error, UnmergedWorkError):
        return ""
    count, is_branches = len(error.places), not any(map(os.path.isabs, error.places))
    one, many = ("branch", "branches") if is_branches else ("workspace", "workspaces")
    return f"{count} {one if count == 1 else many} merged nowhere"


def is_as_asked(tidied: Tidied, *, is_named: bool) -> bool:
    """Whether all went that was asked for; old runs may stay for their work's sake."""
    expected = () if is_named else (UnmergedWorkError.code,)
    return all(each.code in expected for each in tidied.left)
