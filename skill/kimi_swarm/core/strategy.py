"""A strategy's parameters: what they are called, and how `--set` values become them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from kimi_swarm.core.written import (
    Line,
    Problem,
    Written,
    closest,
    one_sentence,
    problems_in,
    quoted,
)
from kimi_swarm.errors import SwarmError

MAX_ITEMS = 1_000
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class StrategyError(SwarmError):
    """Raised when a strategy is unknown, badly written or cannot be rendered."""

    code = "strategy"


class ParameterError(StrategyError):
    """Raised when a strategy's parameter is missing, unknown or of the wrong type."""

    code = "parameter"

    def __init__(self, strategy: str, fact: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f'Strategy "{strategy}": {fact}',
            remedy=f"Give parameters as --set name=value; known: {', '.join(known)}.",
        )


class ParameterType(StrEnum):
    """What a parameter holds."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "list"
    MAPPING = "mapping"


def _fits(value: object, wanted: ParameterType) -> bool:
    match wanted:
        case ParameterType.STRING:
            return isinstance(value, str)
        case ParameterType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ParameterType.BOOLEAN:
            return isinstance(value, bool)
        case ParameterType.LIST:
            return isinstance(value, list) and all(isinstance(i, str) for i in value)
        case ParameterType.MAPPING:
            return isinstance(value, dict)


class Parameter(Written):
    """One value that a strategy asks for; required if it has no default."""

    name: Line
    type: Annotated[ParameterType, Field(strict=False)] = ParameterType.STRING
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
    def _default_fits(self) -> Parameter:
        if self.default is not None and not _fits(self.default, self.type):
            raise ValueError(f"its default is no {self.type}")
        return self


def _named(parameters: object) -> object:
    if not isinstance(parameters, dict):
        return parameters
    return [
        {"name": name, **fields} if isinstance(fields, dict) else fields
        for name, fields in parameters.items()
    ]


class Strategy(Written):
    """A template that renders parameters to a plan: what its header declares."""

    name: Line
    summary: Line
    parameters: Annotated[
        tuple[Parameter, ...], BeforeValidator(_named), Field(strict=False)
    ] = ()

    def filled(self, values: Mapping[str, str]) -> dict[str, JsonValue]:
        """Turn text values into typed ones, one for every parameter.

        Raises ParameterError for one that is missing, unknown or of the wrong type.
        """
        known = tuple(parameter.name for parameter in self.parameters)
        for name in values:
            if name not in known:
                hint = closest(name, known) or "."
                fact = f"there is no parameter {quoted(name)}{hint}"
                raise ParameterError(self.name, fact, known)
        missing = [p for p in self.parameters if p.required and p.name not in values]
        if missing:
            names = ", ".join(p.name for p in missing)
            fact = f"missing {names} ({missing[0].name}: {missing[0].help})."
            raise ParameterError(self.name, fact, known)
        filled: dict[str, JsonValue] = {}
        for parameter in self.parameters:
            filled[parameter.name] = parameter.default
            if parameter.name in values:
                try:
                    filled[parameter.name] = converted(
                        values[parameter.name], parameter.type
                    )
                except ValueError as error:
                    fact = f"{parameter.name} {error}."
                    raise ParameterError(self.name, fact, known) from None
        return filled


def parse_strategy(name: str, header: object, *, origin: str) -> Strategy:
    """Turn a template's header into a strategy. Raises StrategyError."""
    fields = header if isinstance(header, dict) else {}
    try:
        return Strategy.model_validate({"name": name, **fields})
    except ValidationError as error:
        problems: list[Problem] = problems_in(error, Strategy)
        raise StrategyError(one_sentence(f"{origin}, header", problems)) from None


def converted(text: str, wanted: ParameterType) -> JsonValue:
    """Turn text into a value of the wanted type.

    A list is written with commas or as a JSON array of texts, a mapping as a JSON
    object. Raises ValueError, its message an end of a sentence.
    """
    if re.search("[\0\ud800-\udfff]", text):
        raise ValueError("holds bytes that are no text")
    match wanted:
        case ParameterType.STRING:
            return _string(text)
        case ParameterType.INTEGER:
            return _integer(text.strip())
        case ParameterType.BOOLEAN:
            return _boolean(text.strip().lower())
        case ParameterType.LIST:
            return _items(text.strip())
        case ParameterType.MAPPING:
            return _mapping(text.strip())


def _string(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        raise ValueError(f"must be a whole number, not {quoted(text)}")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        raise ValueError(f"must be true or false, not {quoted(text)}")
    return text in _TRUE


def _items(text: str) -> list[JsonValue]:
    array = _json(text) if text.startswith("[") else text.split(",")
    if not isinstance(array, list) or not all(isinstance(i, str) for i in array):
        raise ValueError("must be a list of texts: a,b,c or a JSON array")
    items = [item.strip() for item in array if item.strip()]
    if not items:
        raise ValueError("must have at least one item")
    if len(items) > MAX_ITEMS:
        raise ValueError(f"must have at most {MAX_ITEMS:,} items")
    return list(items)


def _mapping(text: str) -> dict[str, JsonValue]:
    value = _json(text)
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 the text is wrong, not a type of ours
            f"must be a JSON object, not {quoted(text)}"
        )
    return value


def _json(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError(f"is no JSON: {quoted(text)}") from None
    return value


def _no_constant(word: str) -> float:
    raise ValueError(word)
