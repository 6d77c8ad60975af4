"""What people write: strict models, and refusals that name the field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from kimi_swarm.core.tried import likely_faults, place_in


class Written(BaseModel):
    """A mapping that a person writes: nothing converted, nothing unknown, frozen."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


def _real_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a zero byte")
    if re.search("[\ud800-\udfff]", text):
        raise ValueError("is not valid Unicode text")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


Word = Annotated[str, AfterValidator(_real_text), Field(max_length=1_000_000)]
Text = Annotated[Word, AfterValidator(_not_blank)]
Line = Annotated[Text, AfterValidator(_one_line)]


class Problem(NamedTuple):
    """One thing that is wrong: where (`tasks.header.needs[1]`), and what."""

    path: str
    sentence: str


def closest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the known word most like this one, or ""."""
    found = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{found[0]}"?' if found else ""


def quoted(text: str, *, limit: int = 60) -> str:
    """Return text in quotes, on one line, cut at `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    safe = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cut)
    return f'"{safe}"'


def one_sentence(origin: str, problems: Sequence[Problem]) -> str:
    """Return the first problem as a sentence, with the number of others behind it."""
    first = problems[0]
    where = f"{origin}: {first.path}" if first.path else origin
    more = len(problems) - 1
    rest = f" (and {more} more)" if more else ""
    return f"{where}: {first.sentence}{rest}"


def path_of(parts: Iterable[str | int]) -> str:
    """Write a place in data the way people do: `tasks.header.needs[1]`."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            word = part if re.fullmatch(r"[\w-]{1,60}", part) else quoted(part)
            path += f".{word}" if path else word
    return path


def problems_in(
    error: ValidationError,
    model: type[BaseModel],
    *,
    data: object = None,
    alike: Sequence[str] = (),
) -> list[Problem]:
    """Turn what pydantic found in `data` for `model` into problems.

    Unknown fields come first: a field that is missing is often one misspelt. Fields of
    names `alike` are taken for each other.
    """
    found = likely_faults(error.errors(include_url=False))
    found.sort(key=lambda one: one["type"] != _UNKNOWN)
    return [_problem(one, place_in(one["loc"], data), model, alike) for one in found]


def _problem(
    found: ErrorDetails,
    place: Sequence[str | int],
    model: type[BaseModel],
    alike: Sequence[str],
) -> Problem:
    if place and place[-1] == "[key]":
        key = str(place[-2])
        return Problem(path_of(place[:-2]), f"{quoted(key)} {_sentence(found)}")
    if found["type"] == _UNKNOWN:
        known = _fields_at(model, place[:-1])
        word = str(place[-1])
        meant = [name for name in alike if word in alike and name in known]
        hint = f'; did you mean "{meant[0]}"?' if meant else closest(word, known)
        hint = hint or f"; known are {', '.join(known)}"
        return Problem(path_of(place), f"unknown field{hint}")
    return Problem(path_of(place), _sentence(found))


_UNKNOWN = "extra_forbidden"
_WANTED = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}
_BOUNDED = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} item",
    "too_long": "must have at most {max_length} items",
    "string_too_long": "must have at most {max_length} characters",
    "finite_number": "must be a finite number",
    "string_unicode": "is not valid Unicode text",
    "missing": "is required",
    "string_pattern_mismatch": "does not match {pattern}",
    "invalid-json-value": "is nothing that JSON can hold",
}


def _sentence(found: ErrorDetails) -> str:
    kind, context, value = found["type"], found.get("ctx", {}), found["input"]
    if kind in _WANTED:
        return f"{_WANTED[kind]}, not {shown(value)}"
    if kind == "too_long" and isinstance(value, str):
        kind = "string_too_long"
    if kind in _BOUNDED:
        return _BOUNDED[kind].format(**context).removesuffix(".0")
    if kind == "enum":
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        hint = closest(value, known) if isinstance(value, str) else ""
        return f"must be one of {', '.join(known)}, not {shown(value)}{hint}"
    if kind == "value_error":
        return str(context["error"])
    return found["msg"][:1].lower() + found["msg"][1:]


def shown(  # noqa: PLR0911 one arm per kind of value
    value: object,
) -> str:
    """Say in a few words what somebody gave."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"the text {quoted(value)}"
        case int() | float():
            return f"the number {value}"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return type(value).__name__


def _fields_at(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    current = model
    parts = iter(place)
    for part in parts:
        field = current.model_fields.get(str(part)) or next(
            (f for f in current.model_fields.values() if f.alias == part), None
        )
        inner = _model_in(field.annotation) if field else None
        if field is None or inner is None:
            continue
        current = inner
        if get_origin(field.annotation) in (dict, tuple):
            next(parts, None)  # the key or index inside the container
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a))), None)
