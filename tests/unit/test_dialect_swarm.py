"""Our own JSON lines, which any program can speak."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kimi_swarm.core.output import (
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    TextWritten,
    ToolUsed,
    Transcript,
    UsageCounted,
)
from kimi_swarm.workers.dialect import dialect_named, fold
from kimi_swarm.workers.swarm import __doc__ as documented

FOLDER = Path(__file__).parents[1] / "transcripts" / "swarm"


def said(**event: object) -> list[OutputEvent]:
    return dialect_named("swarm").read(json.dumps(event), is_stderr=False)


def test_a_whole_conversation_is_understood():
    out = (FOLDER / "all_events.out").read_bytes()
    assert fold("swarm", [out], []) == Transcript(
        conversation="talk-7",
        last_text="Done:\nall of it.",
        tool_calls=2,
        usage=UsageCounted(1000, 100, 50, 5, 0.75),
        retries=1,
        finished=Finished("stop"),
    )


def test_a_failure_keeps_its_class_and_status():
    told = fold("swarm", [(FOLDER / "gave_up.out").read_bytes()], [])
    expected = FailureTold(FailureClass.AUTH, "The key was refused.", 401)
    assert told.failure == expected
    assert told.finished is None


def test_an_unknown_class_is_other():
    (event,) = said(event="error", **{"class": "gremlins"}, message="x", status="401")
    assert event == FailureTold(FailureClass.OTHER, "x", None)


def test_a_bad_reason_is_told_as_such():
    assert said(event="finished", reason="length", proper=False) == [
        Finished("length", is_proper=False)
    ]
    assert said(event="finished") == [Finished("stop")]


def test_a_tool_without_a_summary_is_told_by_its_name():
    assert said(event="tool", name="Read") == [ToolUsed("Read", "Read")]


@pytest.mark.parametrize("wrong", [-1, True, 1.5, "7", None, 10**30, float("nan")])
def test_counts_that_cannot_be_true_count_nothing(wrong: object):
    assert said(event="usage", input_tokens=wrong, output_tokens=3) == [
        UsageCounted(output_tokens=3)
    ]


@pytest.mark.parametrize("wrong", [-1, True, "7", float("nan"), float("inf")])
def test_money_that_cannot_be_true_is_unknown(wrong: object):
    assert said(event="usage", cost_usd=wrong) == [UsageCounted()]


@pytest.mark.parametrize(
    "line",
    ['{"event": "dance"}', '{"event": "text"}', '{"event": "tool", "name": 1}', "[]"],
)
def test_what_is_not_in_the_language_is_kept_for_reading(line: str):
    assert dialect_named("swarm").read(line, is_stderr=False) == [LineIgnored(line)]


def test_standard_error_says_nothing_but_to_readers():
    line = '{"event": "text", "text": "x"}'
    assert dialect_named("swarm").read(line, is_stderr=True) == [LineIgnored(line)]


def test_text_is_plain_and_bounded():
    assert said(event="text", text="\x1b[1mbold\ud800") == [
        TextWritten("bold\N{REPLACEMENT CHARACTER}")
    ]
    (event,) = said(event="text", text="x" * 900_000)
    assert isinstance(event, TextWritten)
    assert event.text.endswith("x … [cut]")
    assert len(event.text) < 263_000


def test_the_documented_examples_are_the_language():
    joined = (documented or "").replace(",\n     ", ", ")
    examples = [
        line[: line.rindex("}") + 1]
        for line in joined.splitlines()
        if line.startswith('    {"event"')
    ]
    assert len(examples) == 8
    dialect = dialect_named("swarm")
    for example in examples:
        (event,) = dialect.read(example, is_stderr=False)
        assert not isinstance(event, LineIgnored)


def test_the_documented_classes_are_those_that_exist():
    for failure in FailureClass:
        assert failure.value in (documented or "")
