"""Kimi Code 2.x, by what the real program printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    RetryNoticed,
    TextWritten,
    ToolUsed,
    Transcript,
)
from kimi_swarm.workers.dialect import dialect_named, fold

FOLDER = Path(__file__).parents[1] / "transcripts" / "kimi-2.1.0"
EXIT_CODES: dict[str, int] = json.loads((FOLDER / "exit_codes.json").read_text())
FAILURES = {
    "400": (FailureClass.BAD_REQUEST, 400),
    "401": (FailureClass.AUTH, 401),
    "402": (FailureClass.QUOTA, 402),
    "403": (FailureClass.AUTH, 403),
    "404": (FailureClass.UNKNOWN_MODEL, 404),
    "429": (FailureClass.RATE_LIMIT, 429),
    "500": (FailureClass.PROVIDER, 500),
    "529": (FailureClass.PROVIDER, 529),
    "empty": (FailureClass.PROVIDER, None),
    "unreachable": (FailureClass.PROVIDER, None),
    "unknown_model": (FailureClass.UNKNOWN_MODEL, None),
    "not_configured": (FailureClass.NOT_CONFIGURED, None),
    "refused_flag": (FailureClass.OTHER, None),
}


def transcript(case: str) -> Transcript:
    out, err = FOLDER / f"{case}.out", FOLDER / f"{case}.err"
    return fold("kimi", [out.read_bytes()], [err.read_bytes()])


def said(**message: object) -> list[OutputEvent]:
    return dialect_named("kimi").read(json.dumps(message), is_stderr=False)


def failed(reason: str) -> FailureTold | None:
    line = f"error: failed to run prompt: {reason}\nSee log: /home/a/kimi.log\n"
    return fold("kimi", [b'{"role":"meta","type":"x"}\n'], [line.encode()]).failure


@pytest.mark.parametrize("case", FAILURES)
def test_a_recorded_failure_has_its_class(case: str):
    told = transcript(case)
    assert told.failure is not None
    assert (told.failure.failure, told.failure.status) == FAILURES[case]
    assert told.finished is None
    assert EXIT_CODES[case] == 1


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_message_is_one_line_without_paths(case: str):
    failure = transcript(case).failure
    assert failure is not None
    assert failure.message
    assert not any(word in failure.message for word in ("\n", "/state", "provider."))


@pytest.mark.parametrize("case", sorted(EXIT_CODES.keys() - FAILURES.keys()))
def test_a_run_that_ended_its_turn_has_no_failure(case: str):
    told = transcript(case)
    assert EXIT_CODES[case] == 0
    assert told.failure is None
    assert told.finished == Finished("stop")
    assert told.conversation == "session_00000000-0000-4000-8000-000000000001"


def test_a_success_is_told_with_its_tools_and_its_last_words():
    told = transcript("success")
    assert told.tool_calls == 2
    assert told.last_text == "All done."


def test_retries_are_counted_by_their_class():
    assert transcript("429_once").retries == 1
    assert transcript("stream_cut").retries == 1
    line = (FOLDER / "429_once.out").read_text().splitlines()[1]
    (event,) = dialect_named("kimi").read(line, is_stderr=False)
    assert isinstance(event, RetryNoticed)
    assert event.failure is FailureClass.RATE_LIMIT
    assert event.status == 429
    assert event.message.startswith("Your account request reached")


def test_a_stream_that_ended_early_looks_like_a_proper_end_here():
    told = transcript("early_end")
    assert told.finished == Finished("stop")
    assert told.tool_calls == 0


def test_an_error_that_a_shell_command_printed_is_not_the_worker_s():
    assert b"provider.auth_error: 401" in (FOLDER / "echoed_error.err").read_bytes()
    assert transcript("echoed_error").failure is None


def test_a_compiler_s_error_does_not_explain_a_worker_that_was_killed():
    out = (FOLDER / "success.out").read_bytes().splitlines(keepends=True)[:3]
    assert fold("kimi", out, [b"error: expected ';'\n"]).failure is None


def test_the_last_error_counts():
    start = b"error: failed to run prompt: provider."
    err = start + b"api_error: 500 a\n" + start + b"auth_error: 401 b\n"
    told = fold("kimi", [], [err])
    assert told.failure == FailureTold(FailureClass.AUTH, "b", 401)


def test_an_echo_without_a_newline_does_not_hide_the_failure():
    err = b"no newline hereerror: failed to run prompt: provider.auth_error: 401 b\n"
    told = fold("kimi", [], [err])
    assert told.failure == FailureTold(FailureClass.AUTH, "b", 401)


@pytest.mark.parametrize(
    ("reason", "failure", "status"),
    [
        (
            "provider.rate_limit: 429 You exceeded your token quota, check it",
            FailureClass.QUOTA,
            429,
        ),
        (
            "provider.rate_limit: 429 Your account is suspended, check your plan",
            FailureClass.QUOTA,
            429,
        ),
        (
            "provider.rate_limit: 429 you (ada) have reached your weekly usage limit",
            FailureClass.QUOTA,
            429,
        ),
        (
            "provider.rate_limit: 429 The engine is currently overloaded",
            FailureClass.RATE_LIMIT,
            429,
        ),
        (
            "provider.rate_limit: 429 request reached TPD rate limit, current: 9",
            FailureClass.RATE_LIMIT,
            429,
        ),
        (
            "provider.auth_error: 403 You've reached your usage limit",
            FailureClass.QUOTA,
            403,
        ),
        ("provider.rate_limit: too many requests", FailureClass.RATE_LIMIT, None),
        ("provider.rate_limit: quota exhausted", FailureClass.QUOTA, None),
        ("provider.api_error: 503 Server overloaded", FailureClass.PROVIDER, 503),
        ("provider.api_error: 413 Too large", FailureClass.BAD_REQUEST, 413),
        ("provider.new_thing: what", FailureClass.PROVIDER, None),
        ("context.overflow: 400 too long", FailureClass.BAD_REQUEST, 400),
        ("auth.login_required: Log in first", FailureClass.NOT_CONFIGURED, None),
        ("model.not_found: nope", FailureClass.UNKNOWN_MODEL, None),
        (
            "Provider safety policy blocked the response.",
            FailureClass.BAD_REQUEST,
            None,
        ),
        ("Prompt turn ended with reason: cancelled", FailureClass.OTHER, None),
        ("provider.api_error: 4010 tokens are too many", FailureClass.PROVIDER, None),
    ],
)
def test_a_reason_has_its_class(reason: str, failure: FailureClass, status: int | None):
    told = failed(reason)
    assert told is not None
    assert (told.failure, told.status) == (failure, status)


@pytest.mark.parametrize("reason", ["", "provider.api_error: 500", "provider.x:"])
def test_a_failure_without_words_still_has_a_message(reason: str):
    told = failed(reason)
    assert told is not None
    assert told.message


def test_folders_are_left_out_of_messages_and_addresses_are_not():
    told = failed('Cannot read "/home/ada/.kimi/config.toml" or ~/x/y.log; use /login')
    assert told is not None
    assert told.message == 'Cannot read "config.toml" or y.log; use /login'
    told = failed("provider.api_error: 404 see http://127.0.0.1:9/v1/chat for more")
    assert told is not None
    assert told.message == "see http://127.0.0.1:9/v1/chat for more"


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("APIProviderQuotaExhaustedError", FailureClass.QUOTA),
        ("APIProviderRateLimitError", FailureClass.RATE_LIMIT),
        ("APIContextOverflowError", FailureClass.BAD_REQUEST),
        ("APIConnectionError", FailureClass.PROVIDER),
        ("SomethingNew", FailureClass.PROVIDER),
    ],
)
def test_a_retry_without_a_status_goes_by_its_name(name: str, failure: FailureClass):
    (event,) = said(role="meta", type="turn.step.retrying", error_name=name)
    assert event == RetryNoticed(failure, "", None)


def test_a_tool_call_is_told_by_its_most_telling_argument():
    calls = [
        ("Write", '{"content": "long", "path": "src/App.tsx"}'),
        ("Bash", {"command": "npm  test\n--all"}),
        ("Think", '{"depth": 3}'),
        ("Odd", "not json"),
    ]
    functions = [{"function": {"name": n, "arguments": a}} for n, a in calls]
    assert said(role="assistant", tool_calls=[*functions, {"function": 1}, 2]) == [
        ToolUsed("Write", "Write src/App.tsx"),
        ToolUsed("Bash", "Bash npm test --all"),
        ToolUsed("Think", "Think"),
        ToolUsed("Odd", "Odd"),
    ]


def test_content_may_be_a_list_of_parts():
    parts = [{"type": "text", "text": "a"}, {"type": "think", "think": "?"}, "b", 7]
    assert said(role="assistant", content=parts) == [TextWritten("a\nb")]
    assert said(role="tool", content=parts) == [LineIgnored("a b")]


def test_a_resume_hint_without_an_id_is_only_an_end():
    assert said(role="meta", type="session.resume_hint") == [Finished("stop")]
    assert said(role="meta", type="session.resume_hint", session_id="s") == [
        ConversationKnown("s"),
        Finished("stop"),
    ]


def test_json_on_standard_error_is_an_echo():
    line = '{"role":"assistant","content":"x"}'
    assert dialect_named("kimi").read(line, is_stderr=True) == [LineIgnored(line)]
