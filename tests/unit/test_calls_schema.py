"""The JSON schemas of actions: what the models say, and nothing that says nothing."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from kimi_swarm.calls.catalogue import CALLS, UnknownActionError
from kimi_swarm.calls.schema import answer_schema, error_schema, input_schema

CHECK = jsonschema.Draft202012Validator


@pytest.mark.parametrize("name", CALLS)
def test_every_schema_is_one(name: str):
    for schema in (input_schema(name), answer_schema(name), error_schema()):
        CHECK.check_schema(schema)
        assert schema["type"] == "object"
        assert "$ref" not in json.dumps(schema)
        assert '"title": "' not in json.dumps(schema)  # but for a field of that name


@pytest.mark.parametrize("name", CALLS)
def test_a_schema_and_its_model_name_the_same_fields(name: str):
    schema, model = input_schema(name), CALLS[name]
    assert schema["properties"].keys() == model.model_fields.keys()
    assert schema["additionalProperties"] is False
    required = {f for f, info in model.model_fields.items() if info.is_required()}
    assert set(schema.get("required", ())) == required


@pytest.mark.parametrize(
    ("name", "fields", "fits"),
    [
        ("spawn", {"task": ["one", "two"], "permission": "read"}, True),
        ("spawn", {"plan": {"tasks": {"a": {"prompt": "x"}}}}, True),
        ("spawn", {"permission": "all"}, False),
        ("spawn", {"priority": 11}, False),
        ("poll", {"id": "calm-river", "timeout_s": 20}, True),
        ("wait", {"timeout_s": 20}, False),
        ("poll", {"id": "calm-river", "timeout_s": -1}, False),
        ("kill", {"all": True, "force": True}, False),
        ("aggregate", {"run": "calm-river", "table": "csv"}, True),
    ],
)
def test_a_schema_refuses_what_the_model_refuses(
    name: str, fields: dict[str, Any], fits: object
):
    assert CHECK(input_schema(name)).is_valid(fields) is fits


def test_an_unknown_action_is_refused_with_the_closest_name():
    with pytest.raises(UnknownActionError, match='did you mean "spawn"'):
        input_schema("spawns")
    with pytest.raises(UnknownActionError):
        answer_schema("run")
