"""What a run came to: failures first, then the rest in plan order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.durations import seconds
from kimi_swarm.core.merged import LikelyConflict, Merged
from kimi_swarm.core.merged_words import likely_part, merged_part
from kimi_swarm.core.quoting import clipped, line
from kimi_swarm.core.task_words import task_parts
from kimi_swarm.core.totals import NOTHING, Totals, used_words

REPORT_CHARS = 6_000
PART_CHARS = 3_000
FAILED = ("failed", "timed_out", "lost")
SHORT_NOTE = "In short; `log {run}/TASK` has more of one, --json of all."


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that a session changed; `status` is git's letter."""

    path: str
    status: str


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task's last session: outcome, why, and what it left.

    `outcome` is the state where the session is not over. `summary` is the worker's own
    words: data, not to be trusted. `duration_s` is from start to end. `result` is the
    worker's too, `result_state` valid, degraded or bad, None where none was asked for.
    `label` is the title that its plan gave it, if it did. `usage` is what it used, as
    far as that is known, and `cost` says it in a few words.
    """

    task: str
    session: str
    profile: str
    attempt: int
    outcome: str
    reason: str
    sentence: str = ""
    remedy: str = ""
    summary: str = ""
    files: tuple[ChangedFile, ...] = ()
    files_total: int = 0
    duration_s: float | None = None
    branch: str | None = None
    result: Any = None
    result_state: str | None = None
    result_why: str = ""
    label: str = ""
    usage: dict[str, Any] | None = None
    cost: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the task needs nobody's attention."""
        return self.outcome == "succeeded" or self.reason == "not_needed"

    @property
    def has_failed(self) -> bool:
        """Whether it ended without success by its own fault: nobody ended it."""
        return self.outcome in FAILED and self.reason != "need_failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A run folded to what a person or a main agent needs to read.

    `used` is what all its sessions used, earlier attempts too, `owner` the asker that
    it belongs to, `held` what keeps it from starting more.
    """

    run: str
    name: str
    state: str
    wall_s: float | None
    tasks: tuple[TaskReport, ...]
    merged: Merged | None = None
    notes: tuple[str, ...] = ()
    likely: tuple[LikelyConflict, ...] = ()
    used: Totals = NOTHING
    owner: str | None = None
    held: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether every task succeeded and nothing was left out of a merge."""
        is_merged = self.merged is None or self.merged.is_whole
        return all(task.is_success for task in self.tasks) and is_merged

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks ended (or stand) how, most first."""
        return dict(Counter(task.outcome for task in self.tasks).most_common())


def in_order(tasks: Sequence[TaskReport]) -> tuple[TaskReport, ...]:
    """Put what needs attention first, each part in the order given."""
    return tuple(sorted(tasks, key=lambda task: task.is_success))


def to_markdown(report: Report, *, limit_chars: int = REPORT_CHARS) -> str:
    """Render a report, most important first, in at most about `limit_chars`."""
    parts = [_headline(report)]
    if report.merged is not None:
        parts.append(merged_part(report.merged))
    if report.likely:
        parts.append(likely_part(report.likely))
    notes = "\n".join(f"Note: {line(note)}" for note in report.notes)
    others = [*parts, notes, SHORT_NOTE]
    room = limit_chars - sum(min(len(part), PART_CHARS) + 2 for part in others)
    told = task_parts(report.tasks, room_chars=room - 2 * len(report.tasks))
    parts += told
    if any(part.startswith("- ") for part in told):
        parts.append(SHORT_NOTE.format(run=report.run))
    if notes:
        parts.append(notes)
    return _bounded(parts, limit_chars)


def _headline(report: Report) -> str:
    counts = ", ".join(f"{count} {what}" for what, count in report.counts.items())
    time = "" if report.wall_s is None else f" in {seconds(report.wall_s)}"
    going = " — still running" if report.held is None else f" — held: {report.held}"
    state = "" if report.state == "done" else going
    used = used_words(report.used)
    cost = f"; {used}" if used else ""
    return f"# {report.run} ({report.name}): {counts}{time}{cost}{state}"


def _bounded(parts: list[str], limit_chars: int) -> str:
    text = ""
    for number, whole in enumerate(parts):
        part = clipped(whole, PART_CHARS)  # a long one must not hide those after it
        if text and len(text) + len(part) > limit_chars:
            rest = len(parts) - number
            return f"{text}\n[{rest} more parts left out; use --json for everything]\n"
        # What is told on a line stands close to the line before.
        is_close = part.startswith("- ") and parts[number - 1].startswith("- ")
        text += ("" if is_close or not text else "\n") + part + "\n"
    return text
