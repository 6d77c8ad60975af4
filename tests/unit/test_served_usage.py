"""What an answer cost is read out of it, whatever its shape and however it is cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.lanes.gateway.served import Served, UsageReader

CHAT = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
MOONSHOT = {"prompt_tokens": 120, "completion_tokens": 30, "cached_tokens": 100}
RESPONSES = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 100},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 20},
}
MESSAGES = {
    "input_tokens": 15,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 5,
    "output_tokens": 1,
}
GEMINI = {
    "promptTokenCount": 100,
    "toolUsePromptTokenCount": 20,
    "cachedContentTokenCount": 100,
    "candidatesTokenCount": 10,
    "thoughtsTokenCount": 20,
    "totalTokenCount": 150,
}
STREAM = "text/event-stream; charset=utf-8"
WHOLE = "application/json"


def read(kind: str, *pieces: bytes) -> Served:
    reader = UsageReader(kind)
    for piece in pieces:
        reader.feed(piece)
    return reader.end()


def events(*spoken: dict[str, Any]) -> bytes:
    said = [f"event: x\ndata: {json.dumps(one)}\n\n" for one in spoken]
    return "".join((*said, "data: [DONE]\n\n")).encode()


@pytest.mark.parametrize(
    ("spoken", "reasoning"),
    [
        ({"object": "chat.completion", "choices": [], "usage": CHAT}, 20),
        ({"choices": [{"index": 0}], "usage": MOONSHOT}, None),
        ({"choices": [{"index": 0, "usage": MOONSHOT}]}, None),
        ({"object": "response", "output": [], "usage": RESPONSES}, 20),
        ({"candidates": [], "usageMetadata": GEMINI}, 20),
        ([{"candidates": []}, {"usageMetadata": GEMINI}], 20),
        (
            {"type": "message", "usage": {**MESSAGES, "output_tokens": 30}},
            None,
        ),
    ],
)
def test_a_whole_answer_is_read_in_every_shape(spoken: Any, reasoning: int | None):
    assert read(WHOLE, json.dumps(spoken).encode()) == Served(120, 100, 30, reasoning)


def test_a_chat_stream_tells_at_its_end():
    said = events(
        {"choices": [{"delta": {"content": "usage"}}], "usage": None},
        {"choices": [], "usage": CHAT},
    )
    assert read(STREAM, said) == Served(120, 100, 30, 20)


def test_a_gemini_stream_tells_more_with_each_piece():
    begun = {"promptTokenCount": 120, "totalTokenCount": 120}
    said = events({"usageMetadata": begun}, {"usageMetadata": GEMINI})
    assert read(STREAM, said) == Served(120, 100, 30, 20)
    only = events({"usageMetadata": begun})
    assert read(STREAM, only)[:4] == (120, None, None, None)


def test_of_running_counts_the_last_one_counts():
    said = events(
        {"choices": [{}], "usage": {**CHAT, "completion_tokens": 1}},
        {"choices": [{}], "usage": CHAT},
    )
    assert read(STREAM, said).output_tokens == 30


def test_a_stream_of_messages_tells_input_first_and_output_last():
    said = events(
        {"type": "message_start", "message": {"usage": MESSAGES}},
        {"type": "message_delta", "usage": {"output_tokens": 30}},
    )
    assert read(STREAM, said) == Served(120, 100, 30)


def test_a_stream_of_a_response_tells_with_its_completion():
    said = events(
        {"type": "response.created", "response": {"usage": None}},
        {"type": "response.completed", "response": {"usage": RESPONSES}},
    )
    assert read(STREAM, said) == Served(120, 100, 30, 20)


@given(st.lists(st.integers(0, 400), max_size=8))
def test_however_a_stream_is_cut_into_pieces_it_tells_the_same(cuts: list[int]):
    said = events(
        {"choices": [{"delta": {"content": 'a "usage" of words'}}]},
        {"choices": [], "usage": CHAT},
    )
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    pieces = [said[a:b] for a, b in pairwise(places)]
    assert read(STREAM, *pieces) == Served(120, 100, 30, 20)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>usage</html>",
        b'{"usage": 7}',
        b'["usage"]',
        b'{"usage": {"prompt_tokens": "many", "completion_tokens": -1}}',
        b'{"usage": {"prompt_tokens": true}}',
    ],
)
def test_nonsense_tells_nothing(said: bytes):
    assert not read(WHOLE, said).is_told
    assert not read(STREAM, b"data: " + said + b"\n").is_told


START = {"type": "message_start", "message": {"usage": MESSAGES}}
WORDS = {"type": "content_block_delta", "delta": {"text": "word " * 60}}


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_stream_of_messages_that_was_cut_before_its_end_is_not_held_for_told(
    *, is_whole: bool
):
    reader = UsageReader(STREAM)
    reader.feed(events(START, WORDS))
    served = reader.end(is_whole=is_whole)
    assert (served.input_tokens, served.output_tokens) == (120, None)
    assert served.estimated_output_tokens == 100
    assert not served.is_told


RUNNING = {"choices": [{"delta": {}, "finish_reason": None}], "usage": CHAT}


@pytest.mark.parametrize(
    ("last", "is_told"),
    [
        (RUNNING, False),
        ({**RUNNING, "choices": [{"finish_reason": "stop"}]}, True),
        ({"choices": [], "usage": CHAT}, True),
        ({"choices": [{"finish_reason": "stop", "usage": CHAT}]}, True),
        ({"type": "message_delta", "usage": {**MESSAGES, "output_tokens": 30}}, True),
        ({"type": "response.completed", "response": {"usage": RESPONSES}}, True),
    ],
)
def test_of_what_broke_off_only_a_last_word_on_its_tokens_counts(
    last: dict[str, Any], *, is_told: bool
):
    reader = UsageReader(STREAM)
    reader.feed(events(WORDS, last))
    served = reader.end(is_whole=False)
    assert served.is_told is is_told
    assert served.output_tokens == (30 if is_told else None)
    # The count along the way is the least that it was.
    assert served.estimated_output_tokens == (0 if is_told else 100)


def test_a_line_without_end_is_let_pass_and_the_next_is_read():
    reader = UsageReader(STREAM)
    for _ in range(6):
        reader.feed(b"x" * (1 << 20))
    reader.feed(b"\n" + events({"choices": [], "usage": CHAT}))
    assert reader.end() == Served(120, 100, 30, 20)
