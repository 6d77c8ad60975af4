"""What schemas of actions promise, models take; what they refuse, they say plainly."""

from __future__ import annotations

from itertools import product
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as some

from kimi_swarm.calls.catalogue import CALLS, CallError, call_of
from kimi_swarm.calls.schema import NO_BOUND, input_schema

# A schema does not say that a name is one line: every agent would pay for reading it.
TEXTS = some.from_regex(r"[a-z][a-z ./-]{0,12}", fullmatch=True)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | TEXTS,
    lambda inner: some.lists(inner, max_size=3),
    max_leaves=5,
)
KNOWN = {"type", "description", "default", "enum", "items", "anyOf"}
BOUNDS = {"minimum", "exclusiveMinimum", "maximum"}


def values(schema: dict[str, Any]) -> some.SearchStrategy[Any]:
    """Return what fits a schema of one field."""
    assert schema.keys() <= KNOWN | BOUNDS, "say below what fits that"
    if "anyOf" in schema:
        return some.one_of(*map(values, schema["anyOf"]))
    if "enum" in schema:
        return some.sampled_from(schema["enum"])
    if schema["type"] == "array":
        return some.lists(values(schema["items"]), max_size=3)
    plain = {
        "string": TEXTS,
        "boolean": some.booleans(),
        "object": some.dictionaries(TEXTS, JSON, max_size=3),
        "integer": whole_numbers(schema),
        "number": numbers(schema),
    }
    return plain[schema["type"]]


def whole_numbers(schema: dict[str, Any]) -> some.SearchStrategy[int | float]:
    """Return whole numbers within bounds, also written as 5.0."""
    least, most = schema.get("minimum", 0), schema.get("maximum", NO_BOUND)
    whole = some.integers(least, most)
    return whole | whole.map(float)


def numbers(schema: dict[str, Any]) -> some.SearchStrategy[int | float]:
    """Return numbers within bounds."""
    more_than = schema.get("exclusiveMinimum")
    least = schema.get("minimum", 0) if more_than is None else more_than
    return some.floats(least, NO_BOUND, exclude_min=more_than is not None)


def calls(name: str) -> some.SearchStrategy[dict[str, Any]]:
    """Return what fits the published schema of an action."""
    schema = input_schema(name)
    fields = {each: values(told) for each, told in schema["properties"].items()}
    needed = {each: fields.pop(each) for each in schema.get("required", ())}
    return some.fixed_dictionaries(needed, optional=fields)


@pytest.mark.parametrize("name", CALLS)
def test_whatever_fits_a_published_schema_is_taken(name: str):
    check = jsonschema.Draft202012Validator(input_schema(name))

    @given(calls(name))
    def is_taken(fields: dict[str, Any]) -> None:
        assert check.is_valid(fields)
        call_of(name, fields)

    is_taken()


WRONG = [5, -5, 5.5, "", "a\nb", "\0", ["x", 1], {"a": object()}, {1: 2}, object()]


INNER = ("function-", "union", "json-or-python", "dict[", "<function")


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_names_fields_and_nothing_of_how_they_are_checked(name: str):
    for field, wrong in product(CALLS[name].model_fields, WRONG):
        told = refusal(name, {field: wrong})
        assert not any(inner in told for inner in INNER), told


def refusal(name: str, fields: dict[str, Any]) -> str:
    """Return how a call is refused, "" if it is not."""
    try:
        call_of(name, fields)
    except CallError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("name", ["plan", "spawn"])
@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ("tasks:\n  a: {prompt: x}\n", "the plan as an object, not its text."),
        ('{"tasks": {}}', "the plan as an object, not its text."),
        (5, "the plan as an object, not the number 5."),
        (["a"], "the plan as an object, not a list."),
        ("", "plan: is empty."),
        ("a\x07b", "plan: must be one line without control characters."),
        ({"dict": {"a": [object()]}}, "plan.dict.a[0]: is nothing that JSON can hold."),
        ({"a": [{"b": float("nan")}]}, "plan.a[0].b: must be a finite number."),
    ],
)
def test_a_plan_that_is_none_is_refused_with_what_a_plan_is(
    name: str, plan: object, sentence: str
):
    told = refusal(name, {"plan": plan})
    assert told.startswith(f"{name}: plan")
    assert told.endswith(sentence)
