"""A worker's result: the one JSON value in its last words, and what to make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import Any, NamedTuple

RESULT_BYTES = 262_144
MAX_DEPTH = 64
MAX_DIGITS = 300
MOST_FAILURES = 2_000

_FENCED = re.compile(r"(?ms)^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$")
_BEGINS = re.compile(r'\{\s*["}]|\[\s*["\]\[{tfn0-9-]')
_DEEP_RUN_CHARS = 1_000


class ResultState(StrEnum):
    """What a result is worth: it fits, it fits after all, or it never did."""

    VALID = "valid"
    DEGRADED = "degraded"
    BAD = "bad"


class Misfit(NamedTuple):
    """One thing by which a result does not fit: where (`items[2].name`), and what."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


class Answer(NamedTuple):
    """A worker's last words. `is_cut` if they were longer than what is kept of them.

    `is_log` where they are all that a program printed, and not one message.
    """

    text: str
    is_cut: bool = False
    is_log: bool = False


class Found(NamedTuple):
    """A JSON value; `is_dug` if it stood among other words."""

    value: Any
    is_dug: bool = False


class Weighed(NamedTuple):
    """What a result came to: its state, why it is not better, and its value."""

    state: ResultState
    misfits: tuple[Misfit, ...] = ()
    is_dug: bool = False
    value: Any = None


class _RefusedError(ValueError):
    """Raised for JSON that is refused though others may read it."""


def find_result(answer: Answer) -> Found | Misfit:
    """Find the result in a worker's last words, or say why there is none.

    The whole text, else the last fenced block that can be read, else the last object
    or list in it. What a program printed before its result does not count as words
    around it.
    """
    text = answer.text.strip()
    if not text:
        return Misfit("", "It gave no answer.")
    if len(text.encode("utf-8", "replace")) > RESULT_BYTES and not answer.is_log:
        return _too_long()
    try:
        return _read(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        misfit = Misfit("", f"It is not JSON alone ({error.msg}: {place}).")
    found = _in_fence(text) or _in_prose(text, answer)
    return found or (_too_long() if answer.is_cut else misfit)


def result_text(value: Any) -> str:
    """Return a result as compact JSON, as it is stored."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _too_long() -> Misfit:
    return Misfit("", f"Its answer is longer than {RESULT_BYTES // 1024} KiB.")


def _in_fence(text: str) -> Found | Misfit | None:
    for block in reversed(list(_FENCED.finditer(text))):
        with suppress(json.JSONDecodeError):
            return _read(block[1].strip(), is_dug=block[0].strip() != text)
    return None


def _in_prose(text: str, answer: Answer) -> Found | Misfit | None:
    values = list(_values(text))
    if not values:
        return None
    start, end = values[-1]
    ends_log = answer.is_log and end == len(text) and text[:start].endswith("\n")
    with suppress(json.JSONDecodeError):
        return _read(text[start:end], is_dug=not ends_log)
    return None


def _values(text: str) -> Iterator[tuple[int, int]]:
    """Yield where objects and lists stand, outermost ones only.

    Gives up after so many that only look like one: time is bounded whatever is there.
    """
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    place = failures = 0
    while failures < MOST_FAILURES and (begin := _BEGINS.search(text, place)):
        try:
            _, place = decoder.raw_decode(text, begin.start())
        except RecursionError:
            place = begin.start() + _DEEP_RUN_CHARS
            failures += 1
        except ValueError:
            place = begin.start() + 1
            failures += 1
        else:
            yield begin.start(), place


def _read(text: str, *, is_dug: bool = False) -> Found | Misfit:
    """Read text that is to be JSON and nothing else, strictly.

    Raises JSONDecodeError if it is none.
    """
    too_deep = Misfit("", f"It is nested deeper than {MAX_DEPTH}.")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_real,
        )
        if nesting(value, most=MAX_DEPTH) > MAX_DEPTH:
            return too_deep
        json.dumps(value, ensure_ascii=False).encode()
    except _RefusedError as refusal:
        return Misfit("", str(refusal))
    except UnicodeEncodeError:
        return Misfit("", "It holds an escape that is no character.")
    except RecursionError:
        return too_deep
    return Found(value, is_dug)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RefusedError(f"The key {json.dumps(twice[:60])} stands there twice.")
    return made


def _refuse_constant(word: str) -> None:
    raise _RefusedError(f"{word} is no number of JSON.")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _RefusedError("A number in it is too big.")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _RefusedError("A number in it is too big.")
    return number


def nesting(value: Any, *, most: int) -> int:
    """Return how many lists and objects stand in each other; stops after `most`."""
    deepest, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        deepest += 1
        if deepest > most:
            break
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return deepest
