"""The one line of `wait`, and the lines of an asker's inbox. Light.

A line is all that a host shows its agent of a background call: about the first 180
characters of what the finished call printed last.
"""

from __future__ import annotations

from kimi_swarm.actions.state import program_name
from kimi_swarm.core.price_words import ADD_PRICES
from kimi_swarm.core.totals import used_words
from kimi_swarm.core.wake import counted, end_line, held_line, wait_verb, woken
from kimi_swarm.store.inbox import standings
from kimi_swarm.telling.words import age, is_paused

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from kimi_swarm.actions.inbox import Inbox
    from kimi_swarm.actions.wait import Waited
    from kimi_swarm.core.wake import Standing

NOTHING_NEW = "(nothing ended that you were not told)"


def wake_line(seen: Waited, *, shows_id: bool = False) -> str:
    """Say how it stands and what to do next, in at most 170 characters.

    Who asks by name is told the completion's id, to drop what comes twice.
    """
    run, rows = seen.run.id, standings(seen.sessions)
    counts = counted(rows)
    if seen.ended is not None:
        name = (shows_id and seen.completion) or seen.ended.id
        how = f"{seen.ended.outcome} ({seen.ended.reason})"
        # The next command names the session too.
        ways = [f"{name} {how}; {run}: {counts}.", f"{name} {how}.", f"{how}."]
        return _line(*ways, verb=f"log {seen.ended.id}")
    if seen.is_timeout:
        how, verb = "still running", ""
        if is_paused(seen.run):
            how, verb = "paused", f"resume {run}"
        return _line(f"{run} {how}: {counts}.", f"{run} {how}.", verb=verb)
    head = (shows_id and seen.completion) or run
    if seen.run.is_stuck:
        return _held_line(head, run, seen.run.held or "", rows)
    used = "; ".join(filter(None, (used_words(seen.totals), seen.run.warned)))
    if any('"unpriced": [' in (row.detail or "") for row in seen.sessions):
        used = ADD_PRICES.rstrip(".")
    return end_line(head, run, rows, caller=program_name(), used=used)


def inbox_lines(found: Inbox, *, asker: str = "") -> list[str]:
    """Say of each end that is new to an asker how the run stands, oldest end first."""
    lines: list[str] = []
    for end, run, sessions in found.completions:
        rows = standings(sessions)
        head = f"{end.id} {age(end.at, None)} ago"
        if end.held is not None:
            lines.append(_held_line(head, run.id, end.held, rows))
        elif run.state == "done":
            lines.append(end_line(head, run.id, rows, caller=program_name()))
        else:
            # Who asks by another name than the run's waits by its own.
            verb = wait_verb(run.id, asker or run.owner)
            stand = f"{head}, and goes on"
            lines.append(_line(f"{stand}: {counted(rows)}.", f"{stand}.", verb=verb))
    if found.has_more:
        lines.append("[there are more; ask again]")
    return lines or [NOTHING_NEW]


def _held_line(head: str, run: str, held: str, rows: list[Standing]) -> str:
    return held_line(head, run, held, rows, caller=program_name())


def _line(*ways: str, verb: str) -> str:
    return woken(*ways, caller=program_name(), verb=verb)
