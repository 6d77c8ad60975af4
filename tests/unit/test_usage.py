"""Token counts out of files that real programs wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.output import UsageCounted
from kimi_swarm.workers.usage import UsageFormat, read_usage, usage_glob

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
KIMI = (TRANSCRIPTS / "kimi-2.1.0" / "wire.jsonl").read_text().splitlines()
LEGACY = (TRANSCRIPTS / "kimi-cli-1.49.0" / "wire.jsonl").read_text().splitlines()
PATTERN = "${KIMI_CODE_HOME:-~/.kimi-code}/sessions/*/{conversation}/agents/*/w.jsonl"


def moments(lines: list[str], key: str, per_s: int) -> list[float]:
    return [json.loads(line)[key] / per_s for line in lines]


def test_kimi_code_s_recorded_steps_are_added_up():
    asked = [json.loads(line)["usage"] for line in KIMI]
    other = sum(one["inputOther"] for one in asked)
    cached = sum(one["inputCacheRead"] for one in asked)
    written = sum(one["output"] for one in asked)
    counted = read_usage(UsageFormat.KIMI_WIRE, KIMI)
    steps = len(asked)
    assert counted == UsageCounted(other + cached, cached, written, requests=steps)
    assert other + cached > 50_000


def test_kimi_cli_s_recorded_steps_are_added_up():
    told = [json.loads(line)["message"]["payload"] for line in LEGACY]
    counted = read_usage(UsageFormat.KIMI_LEGACY_WIRE, LEGACY)
    assert counted is not None
    assert counted.input_tokens == sum(one["context_tokens"] for one in told)
    assert (counted.cached_tokens, counted.output_tokens) == (30959, 36)


@pytest.mark.parametrize(
    ("form", "lines", "at"),
    [
        (UsageFormat.KIMI_WIRE, KIMI, moments(KIMI, "time", 1000)),
        (UsageFormat.KIMI_LEGACY_WIRE, LEGACY, moments(LEGACY, "timestamp", 1)),
    ],
)
def test_what_earlier_sessions_of_a_conversation_spent_is_left_out(
    form: UsageFormat, lines: list[str], at: list[float]
):
    last = read_usage(form, lines[-1:])
    assert last is not None
    assert read_usage(form, lines, since_s=at[-1]) == last
    assert read_usage(form, lines, since_s=at[-1] + 1) is None


@pytest.mark.parametrize("form", UsageFormat)
def test_nothing_told_is_not_the_same_as_no_tokens(form: UsageFormat):
    assert read_usage(form, []) is None
    assert read_usage(form, ["", "torn {", "[]", '{"type":"usage.record"}']) is None
    assert read_usage(UsageFormat.KIMI_WIRE, [KIMI[0][:-9]]) is None


def test_other_lines_of_the_same_files_count_nothing():
    step = '{"type":"step.end","usage":{"inputOther":5}}'
    assert read_usage(UsageFormat.KIMI_WIRE, [step]) is None
    turn = '{"timestamp":1,"message":{"type":"TurnEnd","payload":{}}}'
    assert read_usage(UsageFormat.KIMI_LEGACY_WIRE, [turn]) is None


@given(st.text())
def test_no_line_makes_a_reader_raise(line: str):
    for form in UsageFormat:
        assert read_usage(form, [line]) is None
    odd = json.dumps({"type": "usage.record", "usage": {"x": line}})
    assert read_usage(UsageFormat.KIMI_WIRE, [odd]) == UsageCounted(requests=1)
    assert read_usage(UsageFormat.KIMI_LEGACY_WIRE, [odd]) is None


def test_a_pattern_follows_the_worker_s_own_variables():
    home = {"HOME": "/home/ada"}
    assert usage_glob(PATTERN, conversation="session_1-a", env=home) == (
        "/home/ada/.kimi-code/sessions/*/session_1-a/agents/*/w.jsonl"
    )
    moved = {**home, "KIMI_CODE_HOME": "/data/[k]"}
    assert usage_glob(PATTERN, conversation="s", env=moved) == (
        "/data/[[]k]/sessions/*/s/agents/*/w.jsonl"
    )
    emptied = {**home, "KIMI_CODE_HOME": ""}
    assert (usage_glob(PATTERN, conversation="s", env=emptied) or "").startswith(
        "/home"
    )


@pytest.mark.parametrize("wrong", ["", "../x", "a/b", "*", "-r", "a" * 300, "a\n"])
def test_an_id_that_could_lead_elsewhere_finds_nothing(wrong: str):
    assert usage_glob(PATTERN, conversation=wrong, env={"HOME": "/h"}) is None


def test_without_a_home_nothing_is_found():
    assert usage_glob(PATTERN, conversation="s", env={}) is None
    relative = {"HOME": "/h", "KIMI_CODE_HOME": "here"}
    assert usage_glob(PATTERN, conversation="s", env=relative) is None
