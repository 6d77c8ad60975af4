"""JSON schemas of calls and answers: whole, and without what nobody reads."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import BaseModel

from kimi_swarm.calls.answers import ANSWERS
from kimi_swarm.calls.asked import Call
from kimi_swarm.calls.catalogue import CALLS, UnknownActionError
from kimi_swarm.calls.told import ErrorTold

Schema = dict[str, Any]
VERSION: Schema = {"type": "integer", "const": 1}
NULL: Schema = {"type": "null"}
NO_BOUND = 1_000_000
"""Numbers from here on bound only what nobody does."""


def input_schema(name: str) -> Schema:
    """Return what an action takes. Raises UnknownActionError."""
    if name not in CALLS:
        raise UnknownActionError(name)
    return _of_model(CALLS[name])


def answer_schema(name: str) -> Schema:
    """Return what an action answers when all went as asked, one of several shapes.

    Raises UnknownActionError.
    """
    if name not in ANSWERS:
        raise UnknownActionError(name)
    shapes = [_versioned(_of_model(model)) for model in ANSWERS[name]]
    return shapes[0] if len(shapes) == 1 else {"type": "object", "anyOf": shapes}


def error_schema() -> Schema:
    """Return what is answered instead where something was wrong."""
    fields = {"error": _of_model(ErrorTold)}
    return _versioned({"type": "object", "properties": fields, "required": ["error"]})


def compact(schema: Schema) -> Schema:
    """Leave out of an answer's schema what goes without saying; parts stay apart."""
    made = _plain(schema, None, takes_null=True)
    assert isinstance(made, dict)  # noqa: S101 as it was
    return made


def _versioned(schema: Schema) -> Schema:
    fields = {**schema["properties"], "version": VERSION}
    required = [*schema.get("required", ()), "version"]
    return {**schema, "properties": fields, "required": required}


def _of_model(model: type[BaseModel]) -> Schema:
    made = model.model_json_schema(mode="validation")
    parts = made.pop("$defs", {})
    schema = _plain(made, parts, takes_null=not issubclass(model, Call))
    assert isinstance(schema, dict)  # noqa: S101 a model's schema is a mapping
    schema.pop("description", None)  # the summary says it
    return schema


def _plain(node: Any, parts: Schema | None, *, takes_null: bool) -> Any:
    """Put parts where they are named, and leave out what goes without saying.

    Without `parts` their names stay.
    """
    plain = partial(_plain, parts=parts, takes_null=takes_null)
    if isinstance(node, list):
        return [plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node and parts is not None:
        part = parts[node["$ref"].rpartition("/")[2]]
        told = {key: value for key, value in part.items() if key != "description"}
        own = {key: value for key, value in node.items() if key != "$ref"}
        return plain({**told, **own})
    made = {
        key: {name: plain(each) for name, each in value.items()}
        if key == "properties"
        else plain(value)
        for key, value in node.items()
        if not _goes_without_saying(key, value)
    }
    if made.get("additionalProperties") == {}:
        del made["additionalProperties"]
    return _with_null(made, is_told=takes_null)


def _goes_without_saying(key: str, value: Any) -> bool:
    if key == "default":
        return value in (None, False, "", [])
    if key in ("maxLength", "maximum"):
        return bool(value >= NO_BOUND)
    return key == "title"


def _with_null(node: Schema, *, is_told: bool) -> Schema:
    """Write a choice with null as one type; leave null out where it means absence."""
    if NULL not in node.get("anyOf", ()):
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    others = [each for each in node["anyOf"] if each != NULL]
    if len(others) > 1:
        return {**rest, "anyOf": [*others, NULL] if is_told else others}
    (other,) = others
    if not is_told:
        return {**rest, **other}
    if "type" not in other:
        return {**rest, "anyOf": [other, NULL]}
    if "enum" in other:
        other = {**other, "enum": [*other["enum"], None]}
    return {**rest, **other, "type": [other["type"], "null"]}
