"""What a run came to: failures first, then the rest in plan order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kimi_swarm.core.merged import LikelyConflict, Merged
from kimi_swarm.core.merged_words import likely_part, merged_part
from kimi_swarm.core.quoting import clipped, files_line, line, quote

SUMMARY_LINES = 6
REPORT_CHARS = 12_000
PART_CHARS = 3_000


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
    `label` is the title that its plan gave it, if it did.
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

    @property
    def is_success(self) -> bool:
        """Whether the task needs nobody's attention."""
        return self.outcome == "succeeded" or self.reason == "not_needed"


@dataclass(frozen=True, slots=True)
class Report:
    """A run folded to what a person or a main agent needs to read."""

    run: str
    name: str
    state: str
    wall_s: float | None
    tasks: tuple[TaskReport, ...]
    merged: Merged | None = None
    notes: tuple[str, ...] = ()
    likely: tuple[LikelyConflict, ...] = ()

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
    parts += [_task_part(task) for task in report.tasks]
    if report.notes:
        parts.append("\n".join(f"Note: {line(note)}" for note in report.notes))
    return _bounded(parts, limit_chars)


def _headline(report: Report) -> str:
    counts = ", ".join(f"{count} {what}" for what, count in report.counts.items())
    time = "" if report.wall_s is None else f" in {seconds(report.wall_s)}"
    state = "" if report.state == "done" else " — still running"
    return f"# {report.run} ({report.name}): {counts}{time}{state}"


def _task_part(task: TaskReport) -> str:
    time = "" if task.duration_s is None else f", {seconds(task.duration_s)}"
    lines = [f"## {task.task}: {task.outcome} ({task.reason}) — {task.profile}{time}"]
    if task.label:
        lines.append(f"Task: {line(task.label)}")
    if task.sentence:
        lines.append(f"Why: {line(task.sentence)}")
    if task.remedy:
        lines.append(f"What to do: {line(task.remedy)}")
    if task.files_total:
        shown = files_line([each.path for each in task.files], total=task.files_total)
        lines.append(f"Files: {shown}; branch `{task.branch}`")
    if task.result_why:
        lines.append(f"Result {task.result_state}: {line(task.result_why)}")
    lines += [quote(each) for each in _own_words(task)]
    if not task.is_success and task.outcome != "queued":
        lines.append(f"Log: `log {task.session}`")
    return "\n".join(lines)


def _own_words(task: TaskReport) -> list[str]:
    """Return what a worker said, or its result on one line where it has one."""
    if task.result_state in ("valid", "degraded"):
        return [f"Result: {json.dumps(task.result, ensure_ascii=False)}"]
    lines = [each for each in task.summary.splitlines() if each.strip()]
    return lines[:SUMMARY_LINES]


def _bounded(parts: list[str], limit_chars: int) -> str:
    text = ""
    for number, whole in enumerate(parts):
        part = clipped(whole, PART_CHARS)  # a long one must not hide those after it
        if text and len(text) + len(part) > limit_chars:
            rest = len(parts) - number
            return f"{text}\n[{rest} more parts left out; use --json for everything]\n"
        text += ("\n" if text else "") + part + "\n"
    return text


def seconds(duration_s: float) -> str:
    """Write a duration as people read it: 0.4s, 12s, 3m05s, 2h10m."""
    if duration_s < 10:  # noqa: PLR2004 below ten, tenths matter
        return f"{duration_s:.1f}s"
    whole = round(duration_s)
    if whole < 60:  # noqa: PLR2004 seconds in a minute
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 minutes in an hour
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"
