"""What a request asks for, and asking for usage where its worker did not."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.lanes.gateway.asked import (
    UsageTaker,
    asking_for_usage,
    read_asked,
    unread_asked,
)

CHAT = "/v1/chat/completions"
ASKED = {"model": "k", "stream": True, "messages": [{"content": "{ü}"}]}


def raw(spoken: Any) -> bytes:
    return json.dumps(spoken, ensure_ascii=False).encode()


def test_model_and_the_longest_answer_are_read():
    asked = read_asked(CHAT, raw({**ASKED, "max_completion_tokens": 900}))
    assert (asked.model, asked.max_output_tokens) == ("k", 900)
    assert asked.input_tokens == len(raw({**ASKED, "max_completion_tokens": 900})) // 4


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_of_what_is_no_object_only_the_size_is_known(body: bytes):
    asked = read_asked(CHAT, body)
    assert asked._replace(input_tokens=0) == read_asked(CHAT, b"")
    assert asked.input_tokens == len(body) // 4


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/openai/deployments/my%20gpt/chat/completions?api-version=1", "my gpt"),
        ("/v1beta/models/gemini-3-flash:generateContent", "gemini-3-flash"),
        (
            "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
            "gemini-3-flash",
        ),
        ("/v1/chat/completions", "?"),
        ("/something/new", "?"),
    ],
)
def test_a_model_that_the_body_does_not_name_is_read_from_the_path(
    path: str, model: str
):
    asked = read_asked(path, raw({"contents": []}))
    assert (asked.model, asked.is_generation) == (model, True)
    assert read_asked(path, raw({"model": "k"})).model == "k"
    assert unread_asked(path, size_bytes=400) == asked._replace(input_tokens=100)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("DELETE", "/v1/responses/1"),
        ("POST", "/v1/messages/count_tokens?beta=true"),
        ("POST", "/v1beta/models/gemini-3-flash:countTokens"),
        ("POST", "/v1/tokenizers/estimate-token-count"),
        ("POST", "/v1/files"),
        ("POST", "/api/show"),
    ],
)
def test_what_generates_nothing_names_no_model(method: str, path: str):
    asked = read_asked(path, raw({"model": "k"}), method=method)
    assert (asked.model, asked.is_generation) == ("", False)
    assert unread_asked(path, method=method, size_bytes=400).model == ""


def test_the_longest_answer_is_read_where_gemini_has_it():
    body = raw({"generationConfig": {"maxOutputTokens": 77}})
    assert read_asked("/models/g:generateContent", body).max_output_tokens == 77


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
