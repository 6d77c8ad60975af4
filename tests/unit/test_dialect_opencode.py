"""Kilo 7.x, by what the real program printed; OpenCode speaks the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kimi_swarm.core.output import (
    FailureClass,
    Finished,
    OutputEvent,
    ToolUsed,
    Transcript,
    UsageCounted,
)
from kimi_swarm.workers.dialect import dialect_named, fold

FOLDER = Path(__file__).parents[1] / "transcripts" / "kilo-7.7.7"
EXIT_CODES: dict[str, int] = json.loads((FOLDER / "exit_codes.json").read_text())
FAILURES = {
    "400": (FailureClass.BAD_REQUEST, 400),
    "401": (FailureClass.AUTH, 401),
    "402": (FailureClass.QUOTA, 402),
    "403": (FailureClass.AUTH, 403),
    "404": (FailureClass.UNKNOWN_MODEL, 404),
    "429": (FailureClass.RATE_LIMIT, 429),
    "500": (FailureClass.PROVIDER, 500),
    "empty": (FailureClass.PROVIDER, None),
    "unknown_model": (FailureClass.UNKNOWN_MODEL, None),
    "not_configured": (FailureClass.UNKNOWN_MODEL, None),
}
PROPER = ("success", "tool_error", "429_twice", "resumed")


def transcript(case: str) -> Transcript:
    out, err = FOLDER / f"{case}.out", FOLDER / f"{case}.err"
    return fold("opencode", [out.read_bytes()], [err.read_bytes()])


def of(*events: dict[str, object]) -> Transcript:
    lines = [json.dumps({"sessionID": "ses_1", **event}) + "\n" for event in events]
    return fold("opencode", [line.encode() for line in lines], [])


def failed(error: object) -> tuple[FailureClass, int | None]:
    told = of({"type": "error", "error": error}).failure
    assert told is not None
    return told.failure, told.status


def api_error(status: int, message: str) -> dict[str, object]:
    return {"name": "APIError", "data": {"message": message, "statusCode": status}}


def step(reason: str) -> dict[str, object]:
    return {"type": "step_finish", "part": {"reason": reason}}


def test_every_recording_is_looked_at():
    others = {"early_end", "sigterm_in_shell"}
    assert FAILURES.keys() | set(PROPER) | others == EXIT_CODES.keys()


@pytest.mark.parametrize("case", FAILURES)
def test_a_recorded_failure_has_its_class_and_no_proper_end(case: str):
    told = transcript(case)
    assert told.failure is not None
    assert (told.failure.failure, told.failure.status) == FAILURES[case]
    assert told.failure.message
    assert told.finished is None or not told.finished.is_proper
    assert told.conversation == "ses_1"
    assert EXIT_CODES[case] == 1


@pytest.mark.parametrize("case", PROPER)
def test_a_run_that_ended_its_turn_has_no_failure(case: str):
    told = transcript(case)
    assert EXIT_CODES[case] == 0
    assert (told.failure, told.finished) == (None, Finished("stop"))
    assert told.conversation == "ses_1"


def test_a_success_is_told_with_its_tools_its_words_and_the_sum_of_its_steps():
    told = transcript("success")
    assert (told.tool_calls, told.last_text) == (2, "All done.")
    tokens = [
        json.loads(line)["part"]["tokens"]
        for line in (FOLDER / "success.out").read_text().splitlines()
        if '"step_finish"' in line
    ]
    assert len(tokens) == 3
    assert told.usage is not None
    assert told.usage.output_tokens == sum(one["output"] for one in tokens)
    assert told.usage.cached_tokens == sum(one["cache"]["read"] for one in tokens)
    total = sum(one["total"] for one in tokens)
    assert told.usage.input_tokens + told.usage.output_tokens == total
    assert told.usage.cost_usd == pytest.approx(0.0134, abs=0.001)


def test_a_stream_that_ended_early_is_no_proper_end_though_the_exit_code_is_zero():
    told = transcript("early_end")
    assert EXIT_CODES["early_end"] == 0
    assert told.finished == Finished("other", is_proper=False)
    assert told.usage is None  # a broken stream tells no tokens


def test_a_worker_that_was_stopped_in_a_shell_command_told_no_end():
    told = transcript("sigterm_in_shell")
    assert (told.finished, told.failure) == (None, None)
    assert told.conversation == "ses_1"


def test_no_events_at_all_are_no_end():
    said = b"INFO starting\n\n"
    assert fold("opencode", [said], [b"Error: Failed to change directory\n"]) == (
        Transcript()
    )


@pytest.mark.parametrize(
    ("events", "finished"),
    [
        ([step("stop")], Finished("stop")),
        ([step("length")], Finished("length", is_proper=False)),
        ([step("tool-calls")], Finished("tool-calls", is_proper=False)),
        ([step("tool-calls"), {"type": "step_start"}], None),
        ([step("")], Finished("unknown", is_proper=False)),
        (
            [step("stop"), {"type": "step_start"}],
            Finished("a step after the end", is_proper=False),
        ),
        ([step("stop"), {"type": "step_start"}, step("stop")], Finished("stop")),
    ],
)
def test_the_last_step_decides_the_end(
    events: list[dict[str, object]], finished: Finished | None
):
    assert of(*events).finished == finished


@pytest.mark.parametrize(
    ("error", "failure", "status"),
    [
        (
            api_error(
                429, "Rate limit exceeded for free models. Please try again later."
            ),
            FailureClass.RATE_LIMIT,
            429,
        ),
        (
            api_error(402, "Add credits to continue, or switch to a free model"),
            FailureClass.QUOTA,
            402,
        ),
        (
            api_error(429, "You exceeded your current quota, check your plan"),
            FailureClass.QUOTA,
            429,
        ),
        (
            api_error(429, "reached max organization concurrency: 1"),
            FailureClass.RATE_LIMIT,
            429,
        ),
        (api_error(503, "Server overloaded"), FailureClass.PROVIDER, 503),
        ("Connection reset by server", FailureClass.PROVIDER, None),
        (
            "run ended with an auto-rejected permission; pass --auto",
            FailureClass.OTHER,
            None,
        ),
        (
            {"name": "ProviderAuthError", "data": {"message": "No key for kilo"}},
            FailureClass.NOT_CONFIGURED,
            None,
        ),
        (
            {"name": "UnknownError", "data": {"message": "?", "isRetryable": True}},
            FailureClass.PROVIDER,
            None,
        ),
        ({"name": "ProviderModelNotFoundError"}, FailureClass.UNKNOWN_MODEL, None),
        ({"message": "Too many requests"}, FailureClass.RATE_LIMIT, None),
        (None, FailureClass.OTHER, None),
        ({}, FailureClass.OTHER, None),
        (["?"], FailureClass.OTHER, None),
    ],
)
def test_an_error_event_has_its_class(
    error: object, failure: FailureClass, status: int | None
):
    assert failed(error) == (failure, status)


def test_of_several_errors_the_first_that_names_a_fault_counts():
    told = of(
        {"type": "error", "error": "Something"},
        {"type": "error", "error": api_error(401, "Invalid Authentication")},
        {"type": "error", "error": "run ended without an assistant message"},
    )
    assert told.failure is not None
    assert (told.failure.failure, told.failure.status) == (FailureClass.AUTH, 401)


def test_a_tool_call_is_told_by_its_most_telling_argument():
    part = {"tool": "write", "state": {"input": {"content": "x", "filePath": "a.ts"}}}
    line = json.dumps({"type": "tool_use", "part": part})
    told: list[OutputEvent] = dialect_named("opencode").read(line, is_stderr=False)
    assert told == [ToolUsed("write", "write a.ts")]


def test_costs_and_thinking_are_counted_where_they_are_told():
    tokens = {"input": 5, "output": 2, "reasoning": 3, "cache": {"read": 7, "write": 1}}
    part = {"reason": "stop", "tokens": tokens, "cost": 0.5}
    assert of({"type": "step_finish", "part": part}).usage == UsageCounted(
        input_tokens=13,
        cached_tokens=7,
        output_tokens=2,
        reasoning_tokens=3,
        cost_usd=0.5,
        requests=1,
    )
