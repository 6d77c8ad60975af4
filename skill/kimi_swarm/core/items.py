"""Items that a person gives: JSON Lines, CSV, plain lines or a JSON array, as data."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import NamedTuple

from pydantic import JsonValue

from kimi_swarm.core.plan import MAX_TASKS
from kimi_swarm.core.written import quoted

_JSON_LINES = (".jsonl", ".ndjson")
_FIELD_CHARS = 1_000_000


class Given(NamedTuple):
    """What a person gave for a parameter; `source` is the file it was read from, if so.

    For standard input the source is `-`.
    """

    text: str
    source: str = ""


def items_of(given: Given) -> list[JsonValue]:
    """Return the items in their order: what they are is told by the file's name.

    `.csv` has a header row and gives mappings, `.jsonl` and `.ndjson` one JSON value a
    line, `.json` one array; of other text the first line tells whether it is JSON Lines
    or plain lines. Raises ValueError, its message an end of a sentence.
    """
    name, text = given.source.lower(), given.text
    if not given.source:
        items = _written(text)
    elif name.endswith(".csv"):
        items = list(_rows(text))
    elif name.endswith(".json"):
        items = _array(text)
    elif name.endswith(_JSON_LINES) or text.lstrip().startswith("{"):
        items = list(_json_lines(text))
    else:
        items = [line.strip() for line in text.split("\n") if line.strip()]
    if not items:
        raise ValueError("must have at least one item")
    if len(items) > MAX_TASKS:
        raise ValueError(f"must have at most {MAX_TASKS:,} items, not {len(items):,}")
    return items


def parsed_json(text: str) -> JsonValue:
    """Read JSON without NaN and infinities. Raises ValueError as `items_of` does."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError(f"is no JSON: {quoted(text)}") from None
    return value


def _written(text: str) -> list[JsonValue]:
    if text.lstrip().startswith("["):
        return _array(text)
    return [item.strip() for item in text.split(",") if item.strip()]


def _array(text: str) -> list[JsonValue]:
    value = parsed_json(text)
    if not isinstance(value, list):
        raise ValueError("must be one JSON array")  # noqa: TRY004 the text is wrong
    if None in value:
        raise ValueError(f"has no item {value.index(None) + 1}: it is null")
    return value


def _json_lines(text: str) -> Iterator[JsonValue]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = parsed_json(line.strip())
        except ValueError as error:
            raise ValueError(f"line {number} {error}") from None
        if value is None:
            raise ValueError(f"line {number} is null")
        yield value


def _rows(text: str) -> Iterator[JsonValue]:
    csv.field_size_limit(_FIELD_CHARS)
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if not all(names) or len(set(names)) < len(names):
            raise ValueError("line 1 must name every column, each once")
        for row in reader:
            if len(row) not in (0, len(names)):
                fact = f"has {len(row)} values, not {len(names)} as line 1 names"
                raise ValueError(f"line {reader.line_num} {fact}")
            if row:
                yield dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is no CSV ({error})") from None


def _no_constant(word: str) -> float:
    raise ValueError(word)
