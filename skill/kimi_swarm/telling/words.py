"""Rows as people and models read them: short lines, most important first. Light."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from functools import cache

from kimi_swarm.actions.state import program_name
from kimi_swarm.core.redact import Secrets, redacted, secret_values
from kimi_swarm.store.views import EventRow, RunRow, SessionRow
from kimi_swarm.workers.plain import clip, plain

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from typing import Any

    from kimi_swarm.store.notices import NoticeRow

OUTPUT_CHARS = 12_000
SUMMARY_CHARS = 70
QUESTION_CHARS = 600
THEIRS = "> "
"""Stands before a worker's words on a line of ours."""
_COLOURS = {
    "succeeded": "32",
    "running": "36",
    "starting": "36",
    "stopping": "33",
    "queued": "2",
    "paused": "33",
    "held": "33",
    "failed": "31",
    "timed_out": "31",
    "lost": "31",
    "cancelled": "33",
    "done": "32",
}

_OF_RUNS = {
    "run_ended": "ended",
    "run_reopened": "goes on",
    "run_paused": "paused",
    "run_resumed": "resumed",
    "tasks_added": "has more tasks",
    "run_released": "starts workers again",
}
_OF_BUDGETS = {
    "budget_warned": "nearly used up",
    "budget_gone": "used up",
    "budget_raised": "changed",
    "run_held": "held",
    "run_stuck": "held, and nothing works any more",
}


def coloured(word: str, width: int = 0) -> str:
    """Return a state or outcome, padded, in colour where a terminal shows it."""
    padded = word.ljust(width)
    colour = _COLOURS.get(word)
    if colour is None or not _has_colour():
        return padded
    return f"\033[{colour}m{padded}\033[0m"


def _has_colour() -> bool:
    # A caller may have closed standard output: then there is none.
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return is_terminal and "NO_COLOR" not in os.environ


def age(from_at: float | None, to_at: float | None) -> str:
    """Return a duration in at most five characters; to now if it has no end."""
    if from_at is None:
        return "-"
    until_at = time.time() if to_at is None else to_at  # noqa: TID251 shown, not decided on
    whole = max(0, int(until_at - from_at))
    if whole < 60:  # noqa: PLR2004 seconds in a minute
        return f"{whole}s"
    minutes, seconds = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 minutes in an hour
        return f"{minutes}m{seconds:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


def is_paused(row: RunRow) -> bool:
    """Whether a run that is not over starts nothing until somebody resumes it."""
    return row.state != "done" and row.paused_at is not None


def is_held(row: RunRow) -> bool:
    """Whether a run that is not over starts nothing until a budget is raised."""
    return row.state != "done" and row.held is not None


def run_line(row: RunRow) -> str:
    """Describe a run on one line, as the host lists its own processes."""
    counts = ", ".join(
        f"{count} {what}" for what, count in row.counts.items() if what != "succeeded"
    )
    more = f" ({counts})" if counts else ""
    word = "paused" if is_paused(row) else row.state
    if is_held(row):
        word, more = "held", f"{more}; {row.held}"
    elif row.warned is not None:
        more = f"{more}; {row.warned}"
    state = coloured(word, 8)
    took = age(row.created_at, row.ended_at)
    done = f"{row.counts.get('succeeded', 0)}/{row.total} succeeded{more}"
    return f"{row.id} {state} {took:>5} :: {clip(row.name, 40)}: {done}"


def told(text: str | None) -> str:
    """Return what a worker said, plain and without what is secret to this process.

    What its own supervisor knew was taken out before it was stored.
    """
    return redacted(plain(text), _own_secrets()) if text else ""


def theirs(text: str | None, limit: int) -> str:
    """Return what a worker said on one line, behind the mark that it is not ours."""
    said = clip(told(text), limit)
    return f"{THEIRS}{said}" if said else ""


@cache
def _own_secrets() -> Secrets:
    return Secrets(secret_values(os.environ))


def session_line(row: SessionRow, *, width: int) -> str:
    """Describe a session on one line."""
    state = coloured(row.outcome or row.state, 9)
    took = age(row.started_at, row.ended_at)
    why = why_of(row)
    said = row.summary
    if row.asking is not None:
        why, said = "asking", row.asking
    if row.state == "queued" and row.tries > 1:
        why = f"try {row.tries}{_in_time(row.ready_at)}"
    parts = [f"({why})" if why else "", theirs(said, SUMMARY_CHARS)]
    tail = " ".join(part for part in parts if part)
    return f"{row.id:<{width}} {state} {took:>5} :: {row.profile} {tail}".rstrip()


def why_of(row: SessionRow) -> str:
    """Return a session's reason, and whether its result is not as good as it should be.

    What workers wrote cannot pass for that: quotes in it are escaped.
    """
    why = row.reason or row.cause or ""
    is_degraded = '"result": {"state": "degraded"' in (row.detail or "")
    return f"{why}, degraded result" if is_degraded else why


def _in_time(at: float) -> str:
    """Say in how many seconds a moment comes, if it is to come."""
    left_s = at - time.time()  # noqa: TID251 shown, not decided on
    return f" in {left_s:.0f}s" if left_s >= 1 else ""


def event_line(event: EventRow, rows: dict[str, SessionRow]) -> str:
    """Describe one event of a run on one line."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    row = rows.get(event.session or "")
    if event.name in ("asked", "answered"):
        question = "" if row is None else theirs(row.asking, SUMMARY_CHARS)
        return f"{clock} {event.session} {event.name} {question}".rstrip()
    if event.name == "retrying":
        after, delay_s, counts = _retry_of(event)
        why = "" if counts else "; its provider's rate limit counts as no try"
        if (former := rows.get(after)) is not None and former.reason == "budget":
            why = ", when there is a budget for it"
        return f"{clock} {event.session} queued in {delay_s:.0f}s, after {after}{why}"
    if event.name in _OF_RUNS or event.name in _OF_BUDGETS:
        return f"{clock} {event.run} {_of_run(event)}"
    if event.name == "launched" or row is None:
        return f"{clock} {event.session} started"
    if event.name == "stop_began":
        return f"{clock} {event.session} stopping ({row.cause})"
    return (
        f"{clock} {event.session} {coloured(row.outcome or row.state)} ({why_of(row)})"
    )


def _of_run(event: EventRow) -> str:
    if event.name in _OF_RUNS:
        return _OF_RUNS[event.name]
    return f"{_OF_BUDGETS[event.name]}: {_data_of(event).get('words', '')}"


def _retry_of(event: EventRow) -> tuple[str, float, bool]:
    told = _data_of(event)
    return str(told["after"]), float(told["delay_s"]), bool(told.get("counts", True))


def _data_of(event: EventRow) -> dict[str, Any]:
    import json  # noqa: PLC0415 few events need it

    found: dict[str, Any] = json.loads(event.data)
    return found


def question(row: SessionRow) -> str:
    """Say what a session's worker asks, and how it is answered."""
    command = f"send {row.id} 'YOUR ANSWER'"
    return f"It asks: {theirs(row.asking, QUESTION_CHARS)}\n{next_line(command)}"


def notice_line(notice: NoticeRow) -> str:
    """Say on one line whether a host told its agent that a run ended, or is held."""
    how = {
        "waiting": "is told when the run ends or is held",
        "due": f"try {notice.tries + 1}{_in_time(notice.due_at)}",
        "accepted": "its host accepted it",
        "told": "told by wait or poll",
        "given_up": f"given up after {notice.tries} tries",
    }[notice.state]
    why = f" ({told(notice.trouble)})" if notice.trouble else ""
    end = "" if notice.seq is None else f" of {notice.end.id}"
    return f"Notice to {notice.asker}{end}: {how}{why}"


def counts_of(run: RunRow) -> str:
    """Count a run's tasks by outcome: `1 failed, 4 succeeded`."""
    return ", ".join(f"{count} {word}" for word, count in run.counts.items())


def next_line(command: str) -> str:
    """Name the next useful command, ready to be run."""
    return "Next: " + f"{program_name()} {command}".lstrip()


def fitted(
    lines: Sequence[str], *, keep_last: bool = False, more: str = "--json has all"
) -> list[str]:
    """Drop lines beyond what one answer may hold; say how many, and where is `more`.

    Of a line that alone is too long its beginning stays.
    """
    order = reversed(lines) if keep_last else iter(lines)
    kept: list[str] = []
    room = OUTPUT_CHARS
    for line in order:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    if lines and not kept:
        line = lines[-1 if keep_last else 0]
        kept = [f"{line[:OUTPUT_CHARS]} … [cut; {more}]"]
    if keep_last:
        kept.reverse()
    left_out = len(lines) - len(kept)
    if not left_out:
        return kept
    note = f"[{left_out} lines left out; {more}]"
    return [note, *kept] if keep_last else [*kept, note]
