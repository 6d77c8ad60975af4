"""What several tasks answered, side by side: counted as votes, or as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CELL_CHARS = 200
ANSWER_CHARS = 400
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Answer:
    """One task's answer: the JSON text of its result, else its last words.

    `outcome` tells why there may be none.
    """

    task: str
    outcome: str
    result: str | None = None
    words: str = ""

    @property
    def value(self) -> Any:
        """What was answered as plain data: a result, else words; None for nothing."""
        if self.result is not None:
            return json.loads(self.result)
        return self.words.strip() or None


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer and the tasks that gave it."""

    text: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """Answers by how many tasks gave them, most first; `winner` is None at a tie.

    `silent` are the tasks without an answer; a majority is of all tasks, these too.
    """

    choices: tuple[Choice, ...]
    silent: tuple[str, ...]

    @property
    def winner(self) -> str | None:
        """The answer that more tasks gave than any other."""
        if not self.choices:
            return None
        first, *others = self.choices
        is_tie = any(len(each.tasks) == len(first.tasks) for each in others)
        return None if is_tie else first.text

    @property
    def is_majority(self) -> bool:
        """Whether more than half of all tasks gave the winning answer."""
        asked = len(self.silent) + sum(len(each.tasks) for each in self.choices)
        return self.winner is not None and 2 * len(self.choices[0].tasks) > asked


def count_votes(answers: Iterable[Answer]) -> Vote:
    """Count equal answers: results as data, words without regard to case and space."""
    tasks: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    silent: list[str] = []
    for each in answers:
        value = each.value if each.outcome == "succeeded" else None
        if value is None:
            silent.append(each.task)
            continue
        key, text = _key(value)
        texts.setdefault(key, text)
        tasks.setdefault(key, []).append(each.task)
    # Sorting is stable: of equals the one given first stands first.
    order = sorted(tasks, key=lambda key: -len(tasks[key]))
    choices = tuple(Choice(texts[key], tuple(tasks[key])) for key in order)
    return Vote(choices, tuple(silent))


def _key(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        return "words " + " ".join(value.casefold().split()).rstrip("."), value
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return f"data {text}", text


class TableFormat(StrEnum):
    """How a table is written."""

    MARKDOWN = "markdown"
    CSV = "csv"
    JSONL = "jsonl"


def table(answers: Sequence[Answer], form: TableFormat) -> str:
    """Write one row per task, in the order given; a row says where there is no answer.

    A result that is an object becomes columns, by the names of its fields as they come;
    any other answer stands in the column `answer`.
    """
    if form is TableFormat.JSONL:
        lines = (
            {"task": each.task, "outcome": each.outcome, "result": each.value}
            for each in answers
        )
        return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    rows = [_fields(each.value) for each in answers]
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = ["task", "outcome", *names]
    body = [
        [each.task, each.outcome, *(row.get(name) for name in names)]
        for each, row in zip(answers, rows, strict=True)
    ]
    return _csv(head, body) if form is TableFormat.CSV else _markdown(head, body)


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(name): field for name, field in value.items()}
    return {} if value is None else {"answer": value}


def _text(cell: Any) -> str:
    if cell is None or isinstance(cell, str):
        # A lone carriage return ends a row for many readers of CSV.
        return (cell or "").replace("\r\n", "\n").replace("\r", "\n")
    return json.dumps(cell, ensure_ascii=False)


def _csv(head: list[str], body: list[list[Any]]) -> str:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    # A spreadsheet must not take a worker's words for a formula.
    for row in (head, *body):
        texts = ((cell, _text(cell)) for cell in row)
        writer.writerow(
            f"'{text}" if isinstance(cell, str) and text.startswith(_FORMULA) else text
            for cell, text in texts
        )
    return made.getvalue()


def _markdown(head: list[str], body: list[list[Any]]) -> str:
    lines = [_row(head), "|" + " --- |" * len(head), *map(_row, body)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_cell(_text(cell)) for cell in cells) + " |"


def _cell(text: str) -> str:
    line = " ".join(text.split())
    if len(line) > CELL_CHARS:
        line = line[: CELL_CHARS - 1] + "…"
    for mark in ("\\", "|", "`", "<"):
        line = line.replace(mark, f"\\{mark}")
    return line
