"""What a request asks for, and asking for usage where its worker did not."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.lanes.gateway.asked import UsageTaker, asking_for_usage, read_asked

CHAT = "/v1/chat/completions"
ASKED = {"model": "k", "stream": True, "messages": [{"content": "{ü}"}]}


def raw(spoken: Any) -> bytes:
    return json.dumps(spoken, ensure_ascii=False).encode()


def test_model_stream_and_the_longest_answer_are_read():
    asked = read_asked(CHAT, raw({**ASKED, "max_completion_tokens": 900}))
    assert (asked.model, asked.is_stream, asked.max_output_tokens) == ("k", True, 900)
    assert asked.input_tokens == len(raw({**ASKED, "max_completion_tokens": 900})) // 4


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_asks_for_nothing_known(body: bytes):
    assert read_asked(CHAT, body) == read_asked(CHAT, b"")


@pytest.mark.parametrize(
    ("path", "more", "wants"),
    [
        (CHAT, {}, True),
        (CHAT + "?beta=1", {}, True),
        (CHAT, {"stream_options": {}}, True),
        (CHAT, {"stream_options": {"include_usage": False}}, True),
        (CHAT, {"stream_options": {"include_usage": True}}, False),
        (CHAT, {"stream": False}, False),
        ("/v1/messages", {}, False),
        ("/v1/responses", {}, False),
    ],
)
def test_usage_is_asked_for_only_where_nobody_did(path: str, more: Any, *, wants: bool):
    assert read_asked(path, raw({**ASKED, **more})).wants_usage is wants


@pytest.mark.parametrize(
    "options", [{}, {"stream_options": {"x": 1}}, {"stream_options": None}]
)
def test_asking_for_usage_changes_nothing_else(options: Any):
    spoken = {**ASKED, **options}
    got = json.loads(asking_for_usage(raw(spoken)))
    assert got.pop("stream_options")["include_usage"] is True
    assert got == ASKED


def event(spoken: Any) -> bytes:
    return b"data: " + raw(spoken) + b"\n\n"


@given(st.lists(st.integers(0, 300), max_size=8))
def test_only_the_event_that_was_asked_for_is_taken_out(cuts: list[int]):
    first = event({"choices": [{"delta": {"content": 'my "usage"'}}], "usage": None})
    ours = event({"choices": [], "usage": {"prompt_tokens": 1}})
    said = first + ours + b"data: [DONE]\n\n"
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    taker = UsageTaker()
    pieces = [taker.take(said[a:b]) for a, b in pairwise(places)]
    assert b"".join((*pieces, taker.end())) == first + b"data: [DONE]\n\n"
