"""The one line of `wait`: all that a host shows its agent of a background call. Light.

The host shows about the first 180 characters of what a finished call printed last.
"""

from __future__ import annotations

from kimi_swarm.actions.wait import Waited
from kimi_swarm.store.views import SessionRow
from kimi_swarm.telling.words import counts_of, is_paused, next_line
from kimi_swarm.workers.plain import clip

LINE_CHARS = 170


def wake_line(seen: Waited) -> str:
    """Say how it stands and what to do next, in at most 170 characters."""
    run = seen.run.id
    if seen.ended is not None:
        head = f"{seen.ended.id} {seen.ended.outcome} ({seen.ended.reason}); "
        state = f"{run}: {counts_of(seen.sessions)}."
        return _line(head + state, f"log {seen.ended.id}")
    if seen.is_timeout:
        how, verb = "still running", ""
        if is_paused(seen.run):
            how, verb = "paused", f"resume {run}"
        return _line(f"{run} {how}: {counts_of(seen.sessions)}.", verb)
    text = f"{run}: {counts_of(seen.sessions)}{_trouble(seen.sessions)}."
    # What can be merged is: that makes a branch, and touches none that there is.
    has_work = any(row.branch and row.outcome == "succeeded" for row in seen.sessions)
    return _line(text, f"aggregate {run}{' --merge' if has_work else ''}")


def _trouble(rows: list[SessionRow]) -> str:
    troubled = [row for row in rows if not row.is_fine]
    # What failed by itself tells more than what was cancelled because of it.
    troubled.sort(key=lambda row: row.outcome == "cancelled")
    if not troubled:
        return ""
    shown = ", ".join(f"{row.task}: {row.reason}" for row in troubled[:3])
    return f" ({shown}{', …' if len(troubled) > 3 else ''})"  # noqa: PLR2004 as shown


def _line(text: str, verb: str) -> str:
    if not verb:
        return clip(text, LINE_CHARS)
    whole = next_line(verb)
    # What happened comes first: a long path to the program gives way to its name.
    if len(text) + 1 + len(whole) > LINE_CHARS:
        whole = f"Next: swarm.py {verb}"
    return f"{clip(text, LINE_CHARS - len(whole) - 1)} {whole}"
