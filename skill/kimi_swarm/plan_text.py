"""What templates write into plans: values as YAML, texts as blocks, names of tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from kimi_swarm.core.plan_parts import RESERVED_NAMES

SHOWN_CHARS = 80
NAME_DIGITS = 12
_MAX_TASK_NAME = 41
_FEWEST_LINES = 2
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_LAST_OF_FOUR_DIGITS = 0xFFFF


class Part(NamedTuple):
    """An item of a list that becomes a task: its name, and what the person wrote."""

    name: str
    text: str


class Item(NamedTuple):
    """An item that becomes a task: its name, the item, and how it looks on a line."""

    name: str
    value: Any
    text: str


def yaml_text(value: object) -> str:
    """Write a value on one line so that YAML reads back exactly it."""
    match value:
        case str():
            return '"' + "".join(map(_escaped, value)) + '"'
        case dict():
            pairs = (f"{yaml_text(str(k))}: {yaml_text(v)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(yaml_text, value)) + "]"
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as YAML")


def yaml_block(text: str, indent: int) -> str:
    """Write text under a key that stands `indent` spaces in: a block a person can edit.

    Falls back to `yaml_text` where a block would not read back exactly.
    """
    lines = text.split("\n")
    if len(lines) < _FEWEST_LINES or not (
        lines[-1] and all(map(str.isprintable, lines))
    ):
        return yaml_text(text)
    margin = " " * (indent + 2)
    return "\n".join(["|2-", *(margin + line if line else "" for line in lines)])


def one_line(text: str) -> str:
    """Fold text to one line without backticks, to stand after a file's name."""
    shown = (each if each.isprintable() else " " for each in text.replace("`", "'"))
    return " ".join("".join(shown).split())


def parts(items: Iterable[str], kept: Iterable[str] = ()) -> list[Part]:
    """Give every text a task name of its own; `kept` names are for other tasks."""
    taken = {*RESERVED_NAMES, *kept}
    made: list[Part] = []
    for text in items:
        words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        stem = words[:_MAX_TASK_NAME].strip("-") or "part"
        name, count = stem, 1
        while name in taken:
            count += 1
            suffix = f"-{count}"
            name = stem[: _MAX_TASK_NAME - len(suffix)] + suffix
        taken.add(name)
        made.append(Part(name, text))
    return made


def item_parts(items: Iterable[Any]) -> list[Item]:
    """Give every item a task name that depends on what it holds, not on its place.

    Equal items are told apart by a count, so that the same items get the same names.
    """
    seen: dict[str, int] = {}
    made: list[Item] = []
    for value in items:
        exact = json.dumps(value, sort_keys=True, separators=(",", ":"))
        stem = "item-" + sha256(exact.encode()).hexdigest()[:NAME_DIGITS]
        seen[stem] = count = seen.get(stem, 0) + 1
        name = stem if count == 1 else f"{stem}-{count}"
        made.append(Item(name, value, _shown(value)))
    return made


def plain_text(value: Any) -> Any:
    """Return what a template shows of a value: lists and mappings, too, as JSON."""
    if value is None or isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def _shown(value: Any) -> str:
    told = str(plain_text(value))[: SHOWN_CHARS * 4]
    line = " ".join("".join(c if c.isprintable() else " " for c in told).split())
    return line if len(line) <= SHOWN_CHARS else line[: SHOWN_CHARS - 1] + "…"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"
