"""The one line of `wait`: all that a host shows its agent of a background call. Light.

The host shows about the first 180 characters of what a finished call printed last.
"""

from __future__ import annotations

from kimi_swarm.actions.wait import Waited
from kimi_swarm.cli.words import counts_of
from kimi_swarm.store.views import SessionRow
from kimi_swarm.workers.plain import clip

LINE_CHARS = 170


def wake_line(seen: Waited) -> str:
    """Say how it stands and what to do next, in at most 170 characters."""
    run = seen.run.id
    if seen.ended is not None:
        head = f"{seen.ended.id} {seen.ended.outcome} ({seen.ended.reason}); "
        state = f"{run}: {counts_of(seen.sessions)}."
        return _line(head + state, f"Next: swarm.py log {seen.ended.id}")
    if seen.is_timeout:
        return _line(f"{run} still running: {counts_of(seen.sessions)}.", "")
    text = f"{run}: {counts_of(seen.sessions)}{_trouble(seen.sessions)}."
    return _line(text, f"Next: swarm.py aggregate {run}")


def _trouble(rows: list[SessionRow]) -> str:
    troubled = [row for row in rows if row.outcome != "succeeded"]
    # What failed by itself tells more than what was cancelled because of it.
    troubled.sort(key=lambda row: row.outcome == "cancelled")
    if not troubled:
        return ""
    shown = ", ".join(f"{row.task}: {row.reason}" for row in troubled[:3])
    return f" ({shown}{', …' if len(troubled) > 3 else ''})"  # noqa: PLR2004 as shown


def _line(text: str, ending: str) -> str:
    room = LINE_CHARS - len(ending) - 1 if ending else LINE_CHARS
    return f"{clip(text, room)} {ending}".rstrip()
