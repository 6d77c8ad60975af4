"""Whatever a worker prints, no terminal can be steered by it."""

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.workers.plain import bounded, clip, plain

wild = st.text() | st.text(
    "\x1b\x9b\x9d\x90[]();?0123mPX^_\\\x07\x9c\r\n\t ab\u202e\u2066\x00\x7f\ud800"
)


@given(wild)
def test_plain_text_holds_no_control_but_tab_and_newline(text: str):
    kinds = {unicodedata.category(char) for char in plain(text) if char not in "\n\t"}
    assert kinds.isdisjoint({"Cc", "Cs"})
    assert not set(plain(text)) & set("\u202a\u202b\u202d\u202e\u2066\u2068\u200f")


@given(wild)
def test_plain_text_stays_as_it_is(text: str):
    assert plain(plain(text)) == plain(text)


@given(wild)
def test_plain_text_can_always_be_encoded(text: str):
    assert plain(text).encode().decode() == plain(text)


@given(st.text(string.printable.translate({ord(char): None for char in "\r\x0b\x0c"})))
def test_printable_ascii_is_unchanged(text: str):
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b[?25lhidden cursor", "hidden cursor"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://x.invalid\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d0;new title\x9ctext", "text"),
        ("\x1bP1$r0m\x1b\\text", "text"),
        ("\x1b(Btext\x1b=", "text"),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("\x1b]never ended", "]never ended"),
        ("\x1b\x1b[31m[31m", "[31m"),
        ("a\x08b\x00c\x7fd\x85e", "abcde"),
        ("abc\u202edcba\u2069", "abcdcba"),
        ("10%\r100%\r\nend", "10%\n100%\nend"),
        ("half \ud83d", "half \N{REPLACEMENT CHARACTER}"),
        ("ünï ✓ 漢字 👩‍💻", "ünï ✓ 漢字 👩‍💻"),
    ],
)
def test_escapes_go_and_words_stay(text: str, expected: str):
    assert plain(text) == expected


@given(wild, st.integers(1, 30))
def test_a_clipped_text_is_one_plain_line_within_its_limit(text: str, limit: int):
    line = clip(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert clip(line, limit) == line


def test_clipping_leaves_a_mark_only_where_something_is_missing():
    assert clip("one\n two\tthree", 13) == "one two three"
    assert clip("one two three", 9) == "one two…"


def test_a_bounded_text_keeps_its_newlines_and_tells_that_it_was_cut():
    assert bounded("a\nb\x1b[0m", 3) == "a\nb"
    assert bounded("a\nb\nc", 3) == "a\nb … [cut]"


def test_a_flood_of_unended_escapes_is_plain_in_linear_time():
    assert plain("\x1b]" * 200_000) == "]" * 200_000
