"""The command line and the models ask for the same things, by the same names."""

from __future__ import annotations

import argparse

import pytest
from pydantic_core import PydanticUndefined

from kimi_swarm.calls.answers import ANSWERS
from kimi_swarm.calls.asked import Call
from kimi_swarm.calls.catalogue import CALLS, CallError, call_of, name_of, summary_of
from kimi_swarm.cli.arguments import HOT, parser_for
from kimi_swarm.cli.cold_arguments import COLD

VERBS = {**COLD, **HOT}
# What only a person at a terminal needs, and what serves all the others.
VERBS_ALONE = {"run", "attach", "trust", "completion", "mcp"}
OPTIONS_ALONE = {
    ("log", "follow"): "prints without end",
    ("spawn", "wait"): "two calls, spawn and wait, for hosts that show few lines",
    ("plan", "wait"): "for the call of spawn that it prints",
}
FIELDS_ALONE = {
    ("spawn", "cwd"): "a command line is in a folder",
    ("plan", "cwd"): "a command line is in a folder",
    ("doctor", "cwd"): "a command line is in a folder",
}


def options_of(verb: str) -> dict[str, argparse.Action]:
    add, summary = VERBS[verb]
    parser = parser_for(verb, add, prog="kimi-swarm", summary=summary)
    ours = {action.dest: action for action in parser._actions}
    return {dest: ours[dest] for dest in ours.keys() - {"help", "json"}}


def plain(value: object) -> object:
    return None if value in (PydanticUndefined, (), [], {}) else value


def test_every_verb_but_those_of_a_terminal_is_an_action():
    assert CALLS.keys() == VERBS.keys() - VERBS_ALONE
    assert CALLS.keys() == ANSWERS.keys()


@pytest.mark.parametrize("verb", CALLS)
def test_every_option_has_its_field_and_every_field_its_option(verb: str):
    options = {dest for dest in options_of(verb) if (verb, dest) not in OPTIONS_ALONE}
    fields = {f for f in CALLS[verb].model_fields if (verb, f) not in FIELDS_ALONE}
    assert options == fields


@pytest.mark.parametrize("verb", CALLS)
def test_what_is_left_out_means_the_same(verb: str):
    options, fields = options_of(verb), CALLS[verb].model_fields
    for name in options.keys() & fields.keys():
        assert plain(options[name].default) == plain(fields[name].default), name
        must = options[name].required and options[name].nargs != "*"
        assert must is fields[name].is_required(), name


def test_what_stands_alone_is_there():
    for verb, dest in OPTIONS_ALONE:
        assert dest in options_of(verb)
    for verb, field in FIELDS_ALONE:
        assert field in CALLS[verb].model_fields


@pytest.mark.parametrize(("name", "model"), CALLS.items())
def test_every_action_and_field_is_explained_in_a_sentence(
    name: str, model: type[Call]
):
    assert summary_of(name).endswith(".")
    for field, info in model.model_fields.items():
        told = info.description or ""
        assert told.endswith("."), field
        assert "\n" not in told, field


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("kill", {"idd": "a-b"}, 'kill: idd: unknown field; did you mean "id"?'),
        ("wait", {}, "wait: run: is required."),
        (
            "poll",
            {"id": "a-b", "timeout_s": "5"},
            'poll: timeout_s: must be a number, not the text "5".',
        ),
        ("list", {"run": "a\nb"}, "list: run: must be one line without control"),
        ("spawn", {"concurrency": 0}, "spawn: concurrency: must be at least 1."),
        ("poll", {"run": "a-b"}, 'poll: run: unknown field; did you mean "id"?'),
        (
            "retry",
            {"run": "a-b"},
            'retry: run: unknown field; did you mean "id"? And id: is required.',
        ),
        (
            "wait",
            {"id": "a-b", "timeout_s": "5"},
            'wait: id: unknown field; did you mean "run"? And run: is required, and',
        ),
        ("log", {"run": "a-b"}, 'log: run: unknown field; did you mean "session"?'),
        (
            "aggregate",
            {"run": "a-b", "synthesise": ""},
            "aggregate: synthesise: is empty; give a question, or none with true.",
        ),
        (
            "aggregate",
            {"run": "a-b", "synthesise": 5},
            "aggregate: synthesise: must be text, not the number 5.",
        ),
        ("diff", {"session": "a/b", "limit_bytes": -1}, "diff: limit_bytes: must be"),
    ],
)
def test_a_call_that_is_wrong_is_refused_in_a_sentence(
    name: str, fields: dict[str, object], sentence: str
):
    with pytest.raises(CallError) as refused:
        call_of(name, fields)
    assert str(refused.value).startswith(sentence)
    assert refused.value.exit_code == 2
    assert f"`{name}` takes: " in refused.value.remedy


def test_one_run_is_cleared_by_a_text_as_by_a_list():
    assert call_of("clear", {"run": "a-b"}) == call_of("clear", {"run": ["a-b"]})
    with pytest.raises(CallError, match=r"run\[0\]: is empty"):
        call_of("clear", {"run": ""})


def test_a_call_knows_its_name():
    assert {name_of(call_of(name, _least(name))) for name in CALLS} == set(CALLS)


def _least(name: str) -> dict[str, object]:
    fields = CALLS[name].model_fields.items()
    return {field: "calm-river" for field, info in fields if info.is_required()}
