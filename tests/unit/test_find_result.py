"""The one JSON value in a worker's last words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.result import (
    RESULT_BYTES,
    Answer,
    Found,
    Misfit,
    find_result,
    nesting,
    result_text,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)
HOLDERS = VALUES.filter(lambda value: isinstance(value, dict | list))
WORDS = st.text(st.characters(exclude_characters='{}[]"`', exclude_categories=["Cs"]))
ODD = st.text() | st.lists(
    st.sampled_from(["{", "}", "[", "]", '"', "```", "\n", "1", ":", ",", "a", "NaN"])
).map("".join)


@given(ODD, st.booleans(), st.booleans())
def test_no_text_is_too_odd(text: str, is_cut: bool, is_log: bool):  # noqa: FBT001 hypothesis names them
    found = find_result(Answer(text, is_cut=is_cut, is_log=is_log))
    if isinstance(found, Misfit):
        assert found.sentence.endswith(".")
    else:
        assert json.loads(result_text(found.value)) == found.value


@given(VALUES, st.sampled_from(["", "  \n"]), st.sampled_from([None, 2]))
def test_what_is_alone_is_found_as_it_is(value: Any, edge: str, indent: int | None):
    text = f"{edge}{json.dumps(value, indent=indent)}{edge}"
    assert find_result(Answer(text)) == Found(value, is_dug=False)


@given(VALUES, st.sampled_from(["json", "", "JSON "]))
def test_a_fence_alone_is_no_fault(value: Any, language: str):
    text = f"```{language}\n{json.dumps(value, indent=1)}\n```"
    assert find_result(Answer(text)) == Found(value, is_dug=False)


@given(WORDS, VALUES, VALUES, WORDS)
def test_the_last_fence_among_words_is_found_and_told_so(
    before: str, earlier: Any, value: Any, after: str
):
    blocks = [f"```\n{json.dumps(each)}\n```" for each in (earlier, value)]
    text = f"{before}\n{blocks[0]}\nand\n{blocks[1]}\n{after}"
    assert find_result(Answer(text)) == Found(value, is_dug=True)


@given(WORDS, HOLDERS, HOLDERS, WORDS)
def test_the_last_value_in_prose_is_found_and_told_so(
    before: str, earlier: Any, value: Any, after: str
):
    text = f"x{before} {json.dumps(earlier)} so {json.dumps(value)} {after}x"
    assert find_result(Answer(text)) == Found(value, is_dug=True)


def test_what_a_program_printed_before_its_result_is_no_fault():
    log = "working\n[1/2]\n" + json.dumps({"a": [1]}, indent=1) + "\n"
    assert find_result(Answer(log, is_log=True)) == Found({"a": [1]}, is_dug=False)
    later = Answer(log + "done\n", is_log=True)
    assert find_result(later) == Found({"a": [1]}, is_dug=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "It gave no answer."),
        (" \n ", "It gave no answer."),
        ("All is well.", "It is not JSON alone (Expecting value: line 1, column 1)."),
        ('{"a": 1', "It is not JSON alone"),
        ("NaN", "NaN is no number of JSON."),
        ('{"a": [-Infinity]}', "-Infinity is no number of JSON."),
        ("1e999", "A number in it is too big."),
        ("9" * 5_000, "A number in it is too big."),
        ('{"a": 1, "b": 2, "a": 3}', 'The key "a" stands there twice.'),
        ('so: {"a": 1, "a": 3}', 'The key "a" stands there twice.'),
        ("[" * 65 + "]" * 65, "It is nested deeper than 64."),
        ("[" * 100_000 + "]" * 100_000, "It is nested deeper than 64."),
        (r'{"a": "\ud83d"}', "It holds an escape that is no character."),
        (f'"{"x" * RESULT_BYTES}"', "Its answer is longer than 256 KiB."),
        (f'"{"ß" * 140_000}"', "Its answer is longer than 256 KiB."),
    ],
)
def test_what_cannot_be_a_result_is_told_in_a_sentence(text: str, told: str):
    found = find_result(Answer(text))
    assert isinstance(found, Misfit)
    assert str(found).startswith(told)


def test_an_answer_that_was_cut_is_told_so_unless_its_result_is_whole():
    assert find_result(Answer('{"a": ', is_cut=True)) == Misfit(
        "", "Its answer is longer than 256 KiB."
    )
    assert find_result(Answer('{"a": 1}', is_cut=True)) == Found({"a": 1})


@pytest.mark.parametrize(
    "unit", ["[", "[1,", "x[ 1", '["a', '{"a":', "{}", "```\n", "`", "[ ", '{"{', "9"]
)
def test_time_is_bounded_whatever_was_said(unit: str):
    text = unit * (RESULT_BYTES // len(unit))
    began_s = time.process_time()
    find_result(Answer(text))
    assert time.process_time() - began_s < 10  # it would be minutes, were it squared


@given(VALUES)
def test_nesting_counts_lists_and_objects_in_each_other(value: Any):
    def deep(inner: Any) -> int:
        held = inner.values() if isinstance(inner, dict) else inner
        return 1 + max(map(deep, held), default=0) if _holds(inner) else 0

    assert nesting(value, most=100) == deep(value)


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)
