"""A key that a provider says back is taken out, however it comes."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.lanes.gateway.masking import KeyMask

KEY = 'sk-a/b+c="d"-0123456789'
TOKEN = "swarm-0123456789abcdef"  # noqa: S105 of no session


def masked(pieces: list[bytes], key: str | None = KEY) -> bytes:
    mask = KeyMask(key, TOKEN)
    return b"".join([*map(mask.take, pieces), mask.end()])


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        json.dumps(KEY)[1:-1],
        json.dumps(KEY)[1:-1].replace("/", "\\/"),
        quote(KEY, safe=""),
        "sk-a%2fb%2bc%3d%22d%22-0123456789",
        quote(KEY),
    ],
)
def test_the_key_goes_in_each_of_its_forms_and_the_length_stays(form: str):
    said = f'{{"message": "no such key: {form}, sorry"}}'.encode()
    got = masked([said])
    assert form.encode() not in got
    assert len(got) == len(said)
    assert b"no such key: swarm-" in got


@given(st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(1, 30)))
def test_it_goes_wherever_the_pieces_are_cut(
    before: bytes, after: bytes, sizes: list[int]
):
    said = before + KEY.encode() + after
    pieces = []
    rest = said
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    got = masked([*pieces, rest])
    assert KEY.encode() not in got
    assert got[: len(before)] == before
    assert len(got) == len(said)


@given(st.lists(st.binary(max_size=30)))
def test_all_else_passes_unchanged(pieces: list[bytes]):
    assert masked(pieces) == b"".join(pieces)


def test_what_cannot_be_the_beginning_of_a_key_is_not_held_back():
    mask = KeyMask(KEY, TOKEN)
    assert mask.take(b"data: {}\n\n") == b"data: {}\n\n"
    assert mask.take(b"as") == b"a"
    assert mask.take(b"!") == b"s!"


@pytest.mark.parametrize("key", [None, "", "ollama"])
def test_what_is_no_secret_stays_as_a_word(key: str | None):
    assert masked([b"the model ollama/x is unknown"], key) == (
        b"the model ollama/x is unknown"
    )
