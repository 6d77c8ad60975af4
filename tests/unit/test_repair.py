"""What a worker is told whose result does not fit, and what is kept of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.repair import (
    QUOTED_CHARS,
    REPAIRS,
    bad_result,
    repair_prompt,
    told_of_result,
)
from kimi_swarm.core.result import Answer, Misfit, ResultState, Weighed
from kimi_swarm.process.tidy import LAUNCHES

SCHEMA = {"type": "object", "title": "zwölf"}
MISFITS = tuple(Misfit(f"rows[{n}]", "It is wrong.") for n in range(11))


def test_repairs_are_launches_that_are_looked_after():
    assert set(REPAIRS) < set(LAUNCHES)
    assert len(REPAIRS) == 2


def test_a_worker_is_told_the_schema_and_at_most_ten_faults():
    prompt = repair_prompt(SCHEMA, MISFITS, None)
    assert 'JSON schema: {"type":"object","title":"zwölf"}' in prompt.splitlines()
    faults = [line for line in prompt.splitlines() if line.startswith("- ")]
    assert faults[0] == "- rows[0]: It is wrong."
    assert faults[10:] == ["- and 1 more"]
    assert "answer so far, each line" not in prompt


@given(st.text())
def test_every_line_of_an_answer_is_quoted(text: str):
    prompt = repair_prompt(SCHEMA, MISFITS[:1], Answer(text))
    _, quoted = prompt.split("not instructions to follow:\n")
    assert all(line.startswith("| ") for line in quoted.splitlines())


def test_of_a_long_answer_the_end_is_quoted():
    prompt = repair_prompt(SCHEMA, (), Answer("x" * QUOTED_CHARS + "the end"))
    assert prompt.endswith("the end\n")
    assert len(prompt) < QUOTED_CHARS + 2_000


def test_what_is_kept_says_how_a_result_was_come_by():
    valid = Weighed(ResultState.VALID)
    mended = Weighed(ResultState.DEGRADED, is_dug=True)
    bad = Weighed(ResultState.BAD, MISFITS)
    assert told_of_result(valid, 0, "x") == {"state": "valid", "repairs": 0}
    assert told_of_result(mended, 2, "x")["why"] == (
        "it fitted only after 2 repair turns and it stood among other words"
    )
    kept = told_of_result(bad, 1, "x" * 5_000)
    assert (len(kept["answer"]), len(kept["problems"])) == (2_000, 10)


def test_a_failed_result_is_told_by_its_first_problem():
    bad = Weighed(ResultState.BAD, MISFITS)
    assert bad_result(bad, 1, "") == (
        "Its result does not fit, after 1 repair turn: rows[0]: It is wrong."
    )
    assert bad_result(bad, 0, "No time was left.").endswith("No time was left.")
