"""How much an answer says, where its provider tells no tokens."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.lanes.gateway.answer_text import AnswerText
from kimi_swarm.lanes.gateway.served import UsageReader

TEXT = 'He said: "so be it", and left.\n'


def told(*lines: bytes) -> int:
    text = AnswerText()
    for each in lines:
        text.add(each)
    return text.tokens


@pytest.mark.parametrize(
    "spoken",
    [
        {"choices": [{"index": 0, "delta": {"content": TEXT}}]},
        {"choices": [{"delta": {"reasoning_content": TEXT}}]},
        {"choices": [{"message": {"role": "assistant", "content": TEXT}}]},
        {"type": "content_block_delta", "delta": {"type": "x", "text": TEXT}},
        {"type": "content_block_delta", "delta": {"type": "x", "thinking": TEXT}},
        {"type": "response.output_text.delta", "delta": TEXT},
        {"model": "m", "response": TEXT},
        {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": TEXT}}]}}]},
    ],
)
def test_the_text_counts_in_every_shape_and_what_is_around_it_does_not(
    spoken: object,
):
    assert told(json.dumps(spoken).encode()) == round(len(json.dumps(TEXT)[1:-1]) / 3)


def test_each_piece_of_a_stream_is_a_token_at_least():
    assert told(*[b'data: {"choices": [{"delta": {"content": "a"}}]}\n'] * 50) == 50


def test_text_that_was_cut_counts_as_far_as_it_came():
    assert told(b'data: {"choices": [{"delta": {"content": "' + b"x" * 30) == 10


def test_of_a_shape_that_nobody_knows_all_counts():
    assert told(b'{"said": "' + b"x" * 288 + b'"}') == 100
    assert told() == 0


@given(st.lists(st.integers(0, 300), max_size=8))
def test_however_a_stream_is_cut_into_pieces_it_is_the_same(cuts: list[int]):
    said = b'data: {"choices": [{"delta": {"content": "some words"}}]}\n\n' * 4
    reader, places = UsageReader("text/event-stream"), sorted({0, *cuts, len(said)})
    for start, end in pairwise(places):
        reader.feed(said[start:end])
    assert reader.end().estimated_output_tokens == 13
