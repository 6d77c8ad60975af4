"""Bytes become lines whatever way they were cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.workers.lines import CUT_MARK, MAX_LINE_BYTES, LineReader


def read(*chunks: bytes) -> list[str]:
    reader = LineReader()
    lines = [line for chunk in chunks for line in reader.feed(chunk)]
    return lines + reader.end()


pieces = st.lists(
    st.sampled_from([b"\n", b"\r", b"\0", b"\xff", "é✓".encode(), b"word", b" "]),
    max_size=30,
).map(b"".join)


@given(whole=pieces | st.binary(max_size=60), cuts=st.lists(st.integers(0, 90)))
def test_lines_do_not_depend_on_how_the_bytes_were_cut(whole: bytes, cuts: list[int]):
    places = [0, *sorted(cuts), len(whole)]
    chunks = [whole[a:b] for a, b in pairwise(places)]
    assert read(*chunks) == read(whole)


@given(pieces | st.binary(max_size=60))
def test_no_line_holds_a_newline_or_a_nul(whole: bytes):
    assert not any(set(line) & {"\n", "\0"} for line in read(whole))


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\n\n", ["", ""]),
        (b"a\r", ["a"]),
        (b"10%\r20%\n", ["10%\r20%"]),
        (b"a\0\0b\n", ["ab"]),
        (b"a\xffb\n", ["a\N{REPLACEMENT CHARACTER}b"]),
    ],
)
def test_lines_end_at_lf_or_crlf(raw: bytes, lines: list[str]):
    assert read(raw) == lines


def test_a_torn_line_is_kept_until_it_is_complete():
    reader = LineReader()
    assert reader.feed(b"ab\xc3") == []
    assert reader.feed(b"\xa9\nnext") == ["abé"]
    assert reader.end() == ["next"]
    assert reader.end() == []


def test_a_line_of_exactly_the_limit_is_whole():
    assert read(b"x" * MAX_LINE_BYTES + b"\ny") == ["x" * MAX_LINE_BYTES, "y"]


@pytest.mark.parametrize("chunk_bytes", [4096, 1_000_003, 5 << 20])
def test_a_line_over_the_limit_is_cut_with_a_mark_and_read_past(chunk_bytes: int):
    raw = b"x" * (3 << 20) + b"\nafter\n"
    chunks = [raw[i : i + chunk_bytes] for i in range(0, len(raw), chunk_bytes)]
    assert read(*chunks) == ["x" * MAX_LINE_BYTES + CUT_MARK, "after"]


def test_what_is_read_past_takes_no_memory():
    reader = LineReader()
    reader.feed(b"x" * (MAX_LINE_BYTES + 1))
    for _ in range(10):
        assert reader.feed(b"x" * 100_000) == []
    assert len(reader._torn) == 0
    assert reader.end() == []
