"""Folding what a run's tasks answered: votes, a table, a ruling between candidates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import existing
from kimi_swarm.actions.task_reports import task_report
from kimi_swarm.core.answers import Answer, TableFormat, Vote, count_votes, table
from kimi_swarm.core.judging import Candidate, Opinion, Ruling, rule
from kimi_swarm.core.report import TaskReport
from kimi_swarm.core.task import Task
from kimi_swarm.errors import UsageError
from kimi_swarm.store.runs import tasks_of
from kimi_swarm.store.views import latest_sessions, result_of, run_row

Judges = Mapping[str, Sequence[str]]


class Folded(NamedTuple):
    """A run's tasks as they stand, in plan order, and who judges whom."""

    run: str
    is_over: bool
    reports: Sequence[TaskReport]
    details: Mapping[str, Mapping[str, Any]]
    judges: Judges

    @property
    def answers(self) -> list[Answer]:
        """What the tasks answered that judge nobody."""
        return [
            Answer(
                each.task,
                each.outcome,
                None if each.result is None else json.dumps(each.result),
                each.summary,
            )
            for each in self.reports
            if each.task not in self.judges
        ]


def vote(home: str, run: str) -> Vote:
    """Count equal answers of a run's tasks. Raises UnknownRunError."""
    return count_votes(fold(home, run).answers)


def as_table(home: str, run: str, form: TableFormat) -> str:
    """Write a run's answers as a table, in plan order. Raises UnknownRunError."""
    return table(fold(home, run).answers, form)


def judge(home: str, run: str) -> Ruling:
    """Rule between the candidates of a run: evidence first, then its judges.

    Raises UnknownRunError, and UsageError where no task judges others.
    """
    folded = fold(home, run)
    if not folded.judges:
        raise UsageError(
            f"No task of {run} judges others.",
            remedy="Plan it with the strategy ab, or with tasks that have `judges`.",
        )
    return _ruling(folded)


def losers(home: str, run: str) -> dict[str, str]:
    """Return the candidates that are not to be merged, each with the reason.

    They did the same work as the winner; where none has won, that is for a person to
    choose. Empty where nobody judges.
    """
    folded = fold(home, run)
    if not folded.judges:
        return {}
    winner = _ruling(folded).winner
    why = "no candidate has won" if winner is None else f"{winner} was chosen"
    names = {name for pair in folded.judges.values() for name in pair}
    return dict.fromkeys(sorted(names - {winner}), why)


def _ruling(folded: Folded) -> Ruling:
    names = dict.fromkeys(name for pair in folded.judges.values() for name in pair)
    by_task = {each.task: each for each in folded.reports}
    candidates = [_candidate(folded, by_task[name]) for name in names]
    opinions = [
        opinion
        for name, pair in folded.judges.items()
        if (opinion := _opinion(by_task[name], pair)) is not None
    ]
    return rule(candidates, opinions)


def fold(home: str, run: str) -> Folded:
    """Read how a run's tasks stand, without secrets. Raises UnknownRunError."""
    with existing(home, run) as connection:
        row = run_row(connection, run)
        tasks = tasks_of(connection, run)
        rows = latest_sessions(connection, run)
        secrets = secrets_of(home, run)
        reports = [
            task_report(each, secrets, result=result_of(connection, each.id))
            for each in rows
        ]
        details = {each.task: json.loads(each.detail or "{}") for each in rows}
    return Folded(run, row.state == "done", reports, details, _judges(tasks))


def _judges(tasks: Sequence[Task]) -> Judges:
    return {task.name: task.judges for task in tasks if task.judges}


def _candidate(folded: Folded, report: TaskReport) -> Candidate:
    detail = folded.details[report.task]
    return Candidate(
        task=report.task,
        is_success=report.outcome == "succeeded",
        has_check="check" in detail,
        files=int(detail.get("files_total", 0)),
        why_not=report.sentence or f"it is {report.outcome}",
    )


def _opinion(report: TaskReport, pair: Sequence[str]) -> Opinion | None:
    first, second = pair
    said = report.result
    if not isinstance(said, dict) or report.outcome != "succeeded":
        return None
    choice, why = str(said.get("choice", "")), str(said.get("why", ""))
    return Opinion(report.task, first, second, choice, why)
