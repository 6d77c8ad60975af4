"""kimi-cli 1.x, by what the real program printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kimi_swarm.core.output import FailureClass, FailureTold, Finished, Transcript
from kimi_swarm.workers.dialect import fold

FOLDER = Path(__file__).parents[1] / "transcripts" / "kimi-cli-1.49.0"
EXIT_CODES: dict[str, int] = json.loads((FOLDER / "exit_codes.json").read_text())
ID = "00000000-0000-4000-8000-000000000001"
CLOSING = f"\nTo resume this session: kimi -r {ID}\n".encode()
FAILURES = {
    "400": (FailureClass.BAD_REQUEST, 400, 1),
    "401": (FailureClass.AUTH, 401, 1),
    "402": (FailureClass.QUOTA, 402, 1),
    "403": (FailureClass.AUTH, 403, 1),
    "404": (FailureClass.UNKNOWN_MODEL, 404, 1),
    "429": (FailureClass.RATE_LIMIT, 429, 75),
    "500": (FailureClass.PROVIDER, 500, 75),
    "empty": (FailureClass.PROVIDER, None, 75),
    "unknown_model": (FailureClass.NOT_CONFIGURED, None, 1),
    "not_configured": (FailureClass.NOT_CONFIGURED, None, 1),
}
PROPER = ("success", "tool_error", "429_twice", "resumed", "early_end")


def transcript(case: str) -> Transcript:
    out, err = FOLDER / f"{case}.out", FOLDER / f"{case}.err"
    return fold("kimi-legacy", [out.read_bytes()], [err.read_bytes()])


def test_every_recording_is_looked_at():
    assert FAILURES.keys() | {*PROPER, "sigterm_in_shell"} == EXIT_CODES.keys()


@pytest.mark.parametrize("case", FAILURES)
def test_a_recorded_failure_has_its_class(case: str):
    told = transcript(case)
    assert told.failure is not None
    facts = (told.failure.failure, told.failure.status, EXIT_CODES[case])
    assert facts == FAILURES[case]
    assert told.finished is None
    assert told.conversation == ID


@pytest.mark.parametrize("case", FAILURES)
def test_an_exit_code_of_75_is_always_one_to_try_again_after(case: str):
    told = transcript(case).failure
    assert told is not None
    assert told.is_retryable is (EXIT_CODES[case] == 75)


@pytest.mark.parametrize("case", PROPER)
def test_a_run_that_ended_its_turn_has_no_failure(case: str):
    told = transcript(case)
    assert EXIT_CODES[case] == 0
    assert (told.failure, told.finished) == (None, Finished("stop"))
    assert told.conversation == ID


def test_a_success_is_told_with_its_tools_and_its_last_words():
    told = transcript("success")
    assert (told.tool_calls, told.last_text) == (2, "All done.")


def test_a_worker_that_was_stopped_in_a_shell_command_told_no_end():
    told = transcript("sigterm_in_shell")
    assert (told.finished, told.failure, told.conversation) == (None, None, None)


def test_the_message_is_what_the_provider_said_and_not_the_mapping_around_it():
    told = transcript("401").failure
    assert told == FailureTold(FailureClass.AUTH, "Invalid Authentication", 401)


@pytest.mark.parametrize(
    ("line", "failure", "message"),
    [
        ("Error code: 401", FailureClass.AUTH, "no reason given"),
        ("Error code: 500 - oops", FailureClass.PROVIDER, "oops"),
        (
            "Error code: 403 - {'message': \"You've reached your usage limit\"}",
            FailureClass.QUOTA,
            "You've reached your usage limit",
        ),
        ("Connection error.", FailureClass.PROVIDER, "Connection error."),
        ("Interrupted by user", FailureClass.OTHER, "Interrupted by user"),
    ],
)
def test_a_sentence_of_failure_has_its_class(
    line: str, failure: FailureClass, message: str
):
    told = fold("kimi-legacy", [line.encode()], [CLOSING]).failure
    assert told is not None
    assert (told.failure, told.message) == (failure, message)


def test_a_turn_that_ends_with_a_tool_call_has_not_ended():
    call = {"function": {"name": "Shell", "arguments": "{}"}}
    line = json.dumps({"role": "assistant", "content": "x", "tool_calls": [call]})
    assert fold("kimi-legacy", [line.encode()], [CLOSING]).finished is None


def test_a_sentence_that_the_model_spoke_behind_is_no_failure():
    out = b'Connection error.\n{"role":"assistant","content":"Got over it."}\n'
    told = fold("kimi-legacy", [out], [CLOSING])
    assert (told.failure, told.finished) == (None, Finished("stop"))


def test_the_id_alone_is_no_end():
    assert fold("kimi-legacy", [], [CLOSING]).finished is None
    odd = b"To resume this session: kimi -r ../../x\n"
    assert fold("kimi-legacy", [], [odd]).conversation is None
