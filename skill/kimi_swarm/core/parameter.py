"""One value that a strategy asks for: its type, and how text becomes it."""

from __future__ import annotations

import re
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

from pydantic import Field, JsonValue, model_validator

from kimi_swarm.core.items import Given, items_of, parsed_json
from kimi_swarm.core.written import Line, Written, closest, quoted

MAX_ITEMS = 1_000
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class ParameterType(StrEnum):
    """What a parameter holds. `text`, `mapping` and `items` may come from a file."""

    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    LIST = "list"
    MAPPING = "mapping"
    ITEMS = "items"


FROM_FILES = (ParameterType.TEXT, ParameterType.MAPPING, ParameterType.ITEMS)


class Parameter(Written):
    """One value that a strategy asks for; required if it has no default."""

    name: Line
    type: Annotated[ParameterType, Field(strict=False)] = ParameterType.STRING
    choices: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    default: JsonValue = None
    required: bool
    help: Line

    @model_validator(mode="before")
    @classmethod
    def _required_without_default(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {"required": "default" not in data, **data}
        return data

    @model_validator(mode="after")
    def _fits_itself(self) -> Parameter:
        if bool(self.choices) is not (self.type is ParameterType.CHOICE):
            raise ValueError("choices belong to the type choice, and it needs some")
        if self.default is not None and not _fits(self.default, self.type):
            raise ValueError(f"its default is no {self.type}")
        if self.choices and self.default not in (None, *self.choices):
            raise ValueError("its default is none of its choices")
        return self

    def converted(self, given: Given) -> JsonValue:
        """Turn what a person gave into a value of this type.

        Raises ValueError, its message an end of a sentence.
        """
        if self.type is ParameterType.CHOICE and given.text not in self.choices:
            hint = closest(given.text, self.choices) or ""
            known = ", ".join(self.choices)
            raise ValueError(f"must be one of {known}, not {quoted(given.text)}{hint}")
        return converted(given, self.type)


def _fits(  # noqa: PLR0911 one arm per type
    value: object, wanted: ParameterType
) -> bool:
    match wanted:
        case ParameterType.STRING | ParameterType.TEXT | ParameterType.CHOICE:
            return isinstance(value, str)
        case ParameterType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ParameterType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ParameterType.BOOLEAN:
            return isinstance(value, bool)
        case ParameterType.LIST:
            return isinstance(value, list) and all(isinstance(i, str) for i in value)
        case ParameterType.MAPPING:
            return isinstance(value, dict)
        case ParameterType.ITEMS:
            return isinstance(value, list) and None not in value


def converted(  # noqa: PLR0911 one arm per type
    given: Given, wanted: ParameterType
) -> JsonValue:
    """Turn text into a value of the wanted type.

    A list is written with commas or as a JSON array of texts, a mapping as a JSON
    object; `items_of` tells of items. Raises ValueError, its message an end of a
    sentence.
    """
    text = given.text
    if re.search("[\0\ud800-\udfff]", text):
        raise ValueError("holds bytes that are no text")
    match wanted:
        case ParameterType.STRING | ParameterType.TEXT | ParameterType.CHOICE:
            return _string(text)
        case ParameterType.INTEGER:
            return _integer(text.strip())
        case ParameterType.NUMBER:
            return _number(text.strip())
        case ParameterType.BOOLEAN:
            return _boolean(text.strip().lower())
        case ParameterType.LIST:
            return _items(text.strip())
        case ParameterType.MAPPING:
            return _mapping(text.strip())
        case ParameterType.ITEMS:
            return items_of(given)


def _string(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        raise ValueError(f"must be a whole number, not {quoted(text)}")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or "_" in text:
        raise ValueError(f"must be a number, not {quoted(text)}")
    return value


def _boolean(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        raise ValueError(f"must be true or false, not {quoted(text)}")
    return text in _TRUE


def _items(text: str) -> list[JsonValue]:
    array = parsed_json(text) if text.startswith("[") else text.split(",")
    texts = array if isinstance(array, list) else [None]
    items = [item.strip() for item in texts if isinstance(item, str)]
    if len(items) < len(texts):
        raise ValueError("must be a list of texts: a,b,c or a JSON array")
    items = [item for item in items if item]
    if not items:
        raise ValueError("must have at least one item")
    if len(items) > MAX_ITEMS:
        raise ValueError(f"must have at most {MAX_ITEMS:,} items")
    return list(items)


def _mapping(text: str) -> dict[str, JsonValue]:
    value = parsed_json(text)
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 the text is wrong, not a type of ours
            f"must be a JSON object, not {quoted(text)}"
        )
    return value
