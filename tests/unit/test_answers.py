"""Votes and tables: what several tasks answered, side by side."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.answers import Answer, TableFormat, count_votes, table

plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
objects = st.dictionaries(st.text(min_size=1, max_size=8), plain, max_size=4)
answers = st.lists(
    st.builds(
        Answer,
        st.sampled_from("abcdef"),
        st.sampled_from(["succeeded", "failed"]),
        result=st.none() | objects.map(json.dumps),
        words=st.text(max_size=30),
    ),
    max_size=8,
)


def said(task: str, words: str, outcome: str = "succeeded") -> Answer:
    return Answer(task, outcome, words=words)


def test_words_are_equal_but_for_case_and_space():
    vote = count_votes([said("a", "Blue."), said("b", " blue"), said("c", "red")])
    assert vote.winner == "Blue."
    assert [each.tasks for each in vote.choices] == [("a", "b"), ("c",)]
    assert vote.is_majority


def test_results_are_equal_as_data():
    one = Answer("a", "succeeded", '{"x": 1, "y": [2]}')
    two = Answer("b", "succeeded", '{"y": [2], "x": 1}')
    assert len(count_votes([one, two]).choices) == 1


def test_a_tie_has_no_winner_and_silence_counts_against_a_majority():
    tie = count_votes([said("a", "x"), said("b", "y")])
    assert (tie.winner, tie.is_majority) == (None, False)
    few = count_votes([said("a", "x"), said("b", ""), said("c", "x", "failed")])
    assert (few.winner, few.is_majority) == ("x", False)
    assert few.silent == ("b", "c")
    assert count_votes([]).winner is None


@given(answers)
def test_every_task_is_counted_once(several: list[Answer]):
    vote = count_votes(several)
    counted = [task for each in vote.choices for task in each.tasks]
    assert sorted([*counted, *vote.silent]) == sorted(each.task for each in several)
    sizes = [len(each.tasks) for each in vote.choices]
    assert sizes == sorted(sizes, reverse=True)


@given(answers)
def test_a_table_has_a_row_for_each_task_in_order(several: list[Answer]):
    rows = list(csv.reader(io.StringIO(table(several, TableFormat.CSV))))
    assert [row[0] for row in rows[1:]] == [each.task for each in several]
    assert len({len(row) for row in rows}) == 1
    lines = table(several, TableFormat.JSONL).split("\n")[:-1]
    assert [json.loads(line)["result"] for line in lines] == [
        each.value for each in several
    ]
    drawn = table(several, TableFormat.MARKDOWN).splitlines()
    assert len(drawn) == len(several) + 2
    assert all(line.startswith("| ") or "---" in line for line in drawn)


@pytest.mark.parametrize("words", ["=1+1", "+cmd", "-x", "@a"])
def test_no_spreadsheet_takes_a_worker_s_words_for_a_formula(words: str):
    assert f"'{words}" in table([said("a", words)], TableFormat.CSV)
    number = Answer("a", "succeeded", '{"n": -5}')
    assert "a,succeeded,-5" in table([number], TableFormat.CSV)
