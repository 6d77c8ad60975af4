"""A question that a worker asks is told, and decides when nothing else was done."""

from __future__ import annotations

import json

import pytest

from kimi_swarm.core.evidence import Facts, judge
from kimi_swarm.core.output import Finished, QuestionAsked, Transcript
from kimi_swarm.core.task import Expect
from kimi_swarm.workers.dialect import dialect_named, fold
from kimi_swarm.workers.readable import render

ASKED = QuestionAsked("Which colour?")
QUESTIONS = {"questions": [{"question": "Which colour?", "options": []}]}
CALL = {"function": {"name": "AskUserQuestion", "arguments": json.dumps(QUESTIONS)}}
LINES = {
    "swarm": {"event": "question", "text": "Which colour?"},
    "kimi": {"role": "assistant", "content": "", "tool_calls": [CALL]},
    "kimi-legacy": {"role": "assistant", "content": "", "tool_calls": [CALL]},
    "opencode": {
        "type": "tool_use",
        "sessionID": "ses_1",
        "part": {"tool": "question", "state": {"input": QUESTIONS}},
    },
}


@pytest.mark.parametrize("name", LINES)
def test_each_dialect_tells_a_question(name: str):
    line = json.dumps(LINES[name])
    assert ASKED in dialect_named(name).read(line, is_stderr=False)
    assert fold(name, [line.encode() + b"\n"], []).question == "Which colour?"


def test_a_question_is_read_as_one():
    assert render(ASKED) == ["? Which colour?"]


def test_a_worker_that_asked_and_changed_nothing_is_told_so():
    transcript = Transcript(finished=Finished("stop")).after(ASKED)
    facts = Facts("exited", 0, transcript, Expect.CHANGES)
    verdict = judge(facts)
    assert (verdict.outcome, verdict.reason) == ("failed", "asked")
    assert "Which colour?" in verdict.detail


def test_a_worker_that_asked_and_then_worked_has_worked():
    transcript = Transcript(finished=Finished("stop")).after(ASKED)
    facts = Facts("exited", 0, transcript, Expect.CHANGES, commits=1, files=1)
    assert judge(facts)[:2] == ("succeeded", "changes")
