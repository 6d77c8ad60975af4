"""The demo worker's made-up results fit what they are made for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.json_schema import misfits, schema_problem
from kimi_swarm.workers.demo_result import example

SIMPLE = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 7},
        {"type": "string", "maxLength": 2},
        {"type": "integer", "minimum": 3},
        {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5},
        {"type": "number", "maximum": -1},
        {"type": "number", "exclusiveMaximum": 0},
        {"type": ["null", "string"]},
        {"type": "boolean"},
        {"enum": ["red", "blue"]},
        {"const": 5},
        {"default": [1]},
        {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
        {"allOf": [{"required": ["a"]}, {"required": ["b"], "type": "object"}]},
        {"pattern": "^[a-z]+-[0-9]$", "examples": ["a-1"]},
        {"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 3},
        {"type": "array", "items": {"type": "string"}, "maxItems": 0},
        {"type": "array", "uniqueItems": True, "minItems": 3},
    ]
)
SCHEMAS = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items, "minItems": 2}, inner)
        | st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(
            lambda known: {
                "type": "object",
                "properties": known,
                "required": sorted(known),
                "additionalProperties": False,
            }
        )
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_an_example_fits(schema: dict[str, Any]):
    assert schema_problem(schema) is None
    assert misfits(example(schema), schema) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}},
    ],
)
def test_an_endless_schema_has_an_example_with_an_end(schema: dict[str, Any]):
    assert misfits(example(schema), schema) == []
