"""Which schemas can be used, and which values fit them."""

from __future__ import annotations

import signal
import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.result import Misfit
from kimi_swarm.json_schema import SCHEMA_BYTES, misfits, schema_problem

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}
            },
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "required": ["summary"]},
        TREE,
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}},
        {"const": {"$ref": "https://example.com/x"}},
        {"$id": "https://example.com/x", "$ref": "#/$defs/a", "$defs": {"a": {}}},
        {"$anchor": "here", "properties": {"x": {"$ref": "#here"}}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {"type": "string"}},
            "properties": {"x": {"$ref": "#/definitions/a"}},
        },
    ],
)
def test_a_schema_that_is_one_is_taken(schema: dict[str, Any]):
    assert schema_problem(schema) is None


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "thing"}, "is no JSON schema: at type: 'thing' is not valid"),
        ({"required": "summary"}, "is no JSON schema: at required:"),
        ({"properties": {"a": {"minimum": "1"}}}, "at properties.a.minimum:"),
        ({"pattern": "("}, "is no JSON schema: at pattern: '(' is not a 'regex'"),
        ({"$schema": "https://example.com/mine"}, "names a $schema that is not known"),
        ({"$schema": 3}, "names a $schema that is not known: 3"),
        ({"$ref": "https://example.com/x"}, "refers to https://example.com/x; only"),
        ({"items": {"$ref": "other.json#/a"}}, "refers to other.json#/a; only"),
        ({"properties": {"default": {"$ref": "x"}}}, "refers to x; only"),
        ({"$dynamicRef": "x#y"}, "refers to x#y; only"),
        ({"$ref": "#/$defs/a"}, "refers to #/$defs/a, which is not in it"),
        ({"$defs": {"a": {"$id": "https://example.com/a"}}}, "gives an $id to a part"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"allOf": [{"$ref": "#/allOf/0"}]}, "refers to itself without end"),
        ({"title": "x" * SCHEMA_BYTES}, "is longer than 64 KiB"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_why(schema: dict[str, Any], told: str):
    problem = schema_problem(schema)
    assert told in (problem or "")
    assert len(problem or "") < 500


def test_a_schema_that_is_too_deep_is_refused():
    schema: dict[str, Any] = {}
    for _ in range(41):
        schema = {"not": schema}
    assert schema_problem(schema) == "is nested deeper than 40"


def test_misfits_say_where_and_what_and_are_bounded():
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"rows": {"items": {"properties": {"n": {"type": "integer"}}}}},
    }
    wrong = misfits({"rows": [{"n": 1}, {"n": "x" * 5_000}]}, schema)
    paths = {misfit.path: misfit.sentence for misfit in wrong}
    assert paths[""] == "'name' is a required property."
    assert paths["rows[1].n"].startswith("'xxx")
    assert len(paths["rows[1].n"]) <= 301
    assert len(misfits(["x"] * 500, {"items": {"type": "integer"}})) == 11


def test_nothing_is_ever_fetched():
    # A loopback port that nobody listens on; what is tried there would be refused.
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        hidden = {"properties": {"a": {"$ref": "#/x"}}, "x": {"$ref": address}}
        (told,) = misfits({"a": 1}, hidden)
        assert "cannot be checked" in told.sentence
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("a" * 40 + "!", {"pattern": "^(a+)+$"}),
        ([{"a": n} for n in range(20_000)], {"uniqueItems": True}),
    ],
)
def test_a_check_that_takes_too_long_is_ended(value: Any, schema: dict[str, Any]):
    before = signal.getsignal(signal.SIGVTALRM)
    assert misfits(value, schema) == [Misfit("", "It takes more than 1 s to check.")]
    assert signal.getsignal(signal.SIGVTALRM) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_values_are_checked_in_other_threads_too():
    found: list[list[Misfit]] = []
    thread = threading.Thread(
        target=lambda: found.append(misfits(1, {"type": "string"}))
    )
    thread.start()
    thread.join()
    assert [misfit.sentence for misfit in found[0]] == ["1 is not of type 'string'."]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
    st.sampled_from(
        [TREE, {"multipleOf": 0.01}, {"pattern": "^x"}, {"uniqueItems": True}]
    ),
)
def test_no_value_is_too_odd_to_be_checked(value: Any, schema: dict[str, Any]):
    for misfit in misfits(value, schema):
        assert "\n" not in str(misfit)
