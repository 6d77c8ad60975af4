"""Claude Code, Qwen Code, Codex and Gemini CLI, by their documentation alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kimi_swarm.core.output import (
    FailureClass,
    FailureTold,
    Finished,
    OutputEvent,
    RetryNoticed,
    ToolUsed,
    Transcript,
    UsageCounted,
)
from kimi_swarm.workers.dialect import dialect_named, fold

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"


def transcript(dialect: str, case: str) -> Transcript:
    out = (TRANSCRIPTS / dialect / f"{case}.out").read_bytes()
    return fold(dialect, [out], [])


def said(dialect: str, **spoken: object) -> list[OutputEvent]:
    return dialect_named(dialect).read(json.dumps(spoken), is_stderr=False)


@pytest.mark.parametrize(
    ("dialect", "case", "tools", "retries", "usage"),
    [
        ("claude", "success", 1, 1, UsageCounted(14010, 12000, 35, 0, 0.0123)),
        ("claude", "qwen", 1, 0, UsageCounted(100, 0, 9)),
        ("codex", "success", 2, 1, UsageCounted(24763, 24448, 100, 22)),
        ("gemini", "success", 1, 0, UsageCounted(1100, 600, 100)),
    ],
)
def test_a_success_is_told_whole(
    dialect: str, case: str, tools: int, retries: int, usage: UsageCounted
):
    told = transcript(dialect, case)
    assert told.finished == Finished("stop")
    assert told.failure is None
    assert told.last_text == "All done."
    assert (told.tool_calls, told.retries, told.usage) == (tools, retries, usage)
    assert told.conversation is not None
    assert len(told.conversation) == 36


@pytest.mark.parametrize(
    ("dialect", "case", "failure", "status"),
    [
        ("claude", "refused_key", FailureClass.AUTH, 401),
        ("codex", "turn_failed", FailureClass.AUTH, 401),
        ("codex", "broken_off", FailureClass.PROVIDER, None),
        ("gemini", "failed", FailureClass.QUOTA, 429),
    ],
)
def test_a_failure_has_its_class(
    dialect: str, case: str, failure: FailureClass, status: int | None
):
    told = transcript(dialect, case)
    assert told.finished is None
    assert told.failure is not None
    assert (told.failure.failure, told.failure.status) == (failure, status)


def test_a_turn_that_a_limit_cut_is_no_proper_end():
    told = transcript("claude", "too_many_turns")
    assert told.finished == Finished("error_max_turns", is_proper=False)
    assert told.failure is None


def test_claude_s_listed_errors_are_told():
    (event,) = said(
        "claude",
        type="result",
        subtype="error_during_execution",
        errors=["Overloaded", None],
    )
    assert event == FailureTold(FailureClass.PROVIDER, "Overloaded")
    (event,) = said("claude", type="result")
    assert event == FailureTold(FailureClass.OTHER, "unknown")
    (event,) = said("claude", type="result", error={"message": "Not logged in"})
    assert event == FailureTold(FailureClass.NOT_CONFIGURED, "Not logged in")


def test_codex_tools_are_told_by_what_they_touch():
    tool = {"type": "mcp_tool_call", "tool": "find", "arguments": {"query": "x"}}
    change = {"type": "file_change", "changes": [{"path": "a.py"}, {"path": "b.py"}]}
    assert said("codex", type="item.completed", item=tool) == [
        ToolUsed("find", "find x")
    ]
    assert said("codex", type="item.completed", item=change) == [
        ToolUsed("file_change", "file_change a.py")
    ]


def test_gemini_s_faults_on_the_way_are_retries_and_warnings_are_not():
    assert said(
        "gemini", type="error", severity="error", message="got status: 503"
    ) == [RetryNoticed(FailureClass.PROVIDER, "got status: 503", 503)]
    (event,) = said("gemini", type="result", status="cancelled")
    assert event == Finished("cancelled", is_proper=False)


def test_gemini_s_text_that_nothing_follows_is_told_at_the_end():
    line = {"type": "message", "role": "assistant", "content": "half", "delta": True}
    assert fold("gemini", [json.dumps(line).encode()], []).last_text == "half"
