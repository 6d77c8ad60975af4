"""How a report tells of tasks: in full while there is room, then each on a line or two.

Whoever reads a report pays for every character, and must still find every failure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kimi_swarm.core.durations import seconds
from kimi_swarm.core.evidence import OURS
from kimi_swarm.core.quoting import clipped, line, quote, theirs, theirs_of_files

if TYPE_CHECKING:
    from kimi_swarm.core.report import TaskReport

SUMMARY_LINES = 6
FEW = 8
"""So many tasks that need nobody's attention are told in full."""
LEAST_CHARS = 60
MOST_CHARS = 600
WITH_FILES_CHARS = 220
"""Where there are files, these tell more than the worker's words."""


def task_parts(tasks: Sequence[TaskReport], *, room_chars: int) -> list[str]:
    """Tell of tasks in the order given, what needs attention at more length.

    Where that takes more than about `room_chars`, or where many succeeded, each gets an
    even share of it, but never so little that it is not named.
    """
    troubled = [_whole(task) for task in tasks if not task.is_success]
    fine = [task for task in tasks if task.is_success]
    told = [_whole(task) for task in fine]
    if len(fine) <= FEW and sum(map(len, troubled + told)) <= room_chars:
        return troubled + told
    if sum(map(len, troubled)) > room_chars * 2 // 3:
        each = _share(room_chars * 2 // 3, len(troubled))
        troubled = [_short(task, each) for task in tasks if not task.is_success]
    each = _share(room_chars - sum(map(len, troubled)), len(fine))
    return troubled + [_short(task, each) for task in fine]


def _share(room_chars: int, count: int) -> int:
    return 0 if not count else min(max(room_chars // count, LEAST_CHARS), MOST_CHARS)


def _whole(task: TaskReport) -> str:
    time = "" if task.duration_s is None else f", {seconds(task.duration_s)}"
    cost = f", {task.cost}" if task.cost else ""
    how = f"{task.outcome} ({task.reason})"
    lines = [f"## {task.task}: {how} — {task.profile}{time}{cost}"]
    if task.label:
        lines.append(f"Task: {line(task.label)}")
    if task.sentence:
        lines.append(f"Why: {_sentence(task)}")
    if task.remedy:
        lines.append(f"What to do: {line(task.remedy)}")
    if task.files_total:
        on = f" on `{task.branch}`" if task.branch else ""
        lines.append(f"Files{on}: {_files(task)}")
    if task.result_why:
        lines.append(f"Result {task.result_state}: {line(task.result_why)}")
    lines += [quote(each) for each in _own_words(task)]
    if not task.is_success and task.outcome != "queued":
        lines.append(f"Log: `log {task.session}`")
    return "\n".join(lines)


def _short(task: TaskReport, room_chars: int) -> str:
    """Tell of a task in about `room_chars`: how it ended, files, its first words."""
    time = "" if task.duration_s is None else f", {seconds(task.duration_s)}"
    said = f"- {task.task}: {task.outcome} ({task.reason}{time})"
    if task.sentence or task.result_why:
        said += f": {_sentence(task) or line(task.result_why)}"
    elif task.files_total:
        said += f": {_files(task)}"
        room_chars = min(room_chars, WITH_FILES_CHARS)
    first = clipped(said, max(room_chars, LEAST_CHARS))
    words = " ".join(_own_words(task))
    left = room_chars - len(first) - len("\n> ")
    if not words or left < LEAST_CHARS:
        return first
    return f"{first}\n{quote(clipped(words, left))}"


def _sentence(task: TaskReport) -> str:
    """Say why a task ended so, marked unless all of it is ours; "" for no sentence."""
    is_ours = task.reason in OURS or not task.sentence
    return line(task.sentence) if is_ours else theirs(task.sentence)


def _files(task: TaskReport) -> str:
    paths = [each.path for each in task.files]
    return theirs_of_files(paths, total=task.files_total)


def _own_words(task: TaskReport) -> list[str]:
    """Return what a worker said, or its result on one line where it has one."""
    if task.result_state in ("valid", "degraded"):
        return [f"Result: {json.dumps(task.result, ensure_ascii=False)}"]
    lines = [each for each in task.summary.splitlines() if each.strip()]
    return lines[:SUMMARY_LINES]
