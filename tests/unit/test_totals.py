"""Sums in few words: what is estimated and what is unknown is said."""

from __future__ import annotations

import pytest

from kimi_swarm.core.totals import NOTHING, Totals, dollars, short, used_words

TOKENS = Totals(succeeded=3, input_tokens=12_000, output_tokens=400)


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        (NOTHING, ""),
        (Totals(cancelled=4), ""),
        (Totals(lost=1, unknown_tokens=1, unknown_usd=1), "cost unknown"),
        (
            Totals(succeeded=3, lost=1, unknown_tokens=1, unknown_usd=1),
            "at least 0 tokens, at least $0 (1 unknown)",
        ),
        (TOKENS._replace(unknown_usd=1), "12.4k tokens, at least $0 (1 unknown)"),
        (TOKENS, "12.4k tokens, $0"),
        (TOKENS._replace(told_nano_usd=12_000_000), "12.4k tokens, $0.0120"),
        (
            TOKENS._replace(estimated_nano_usd=2_500_000_000),
            "12.4k tokens, about $2.50",
        ),
        (TOKENS._replace(unknown_usd=3), "12.4k tokens, cost unknown"),
        (
            TOKENS._replace(measured_nano_usd=10**9, unknown_usd=1, unknown_tokens=1),
            "at least 12.4k tokens and $1.00 (1 unknown)",
        ),
        (TOKENS._replace(estimated_tokens=9), "about 12.4k tokens, $0"),
        (Totals(told_nano_usd=10**9, unknown_tokens=1), "tokens unknown, $1.00"),
    ],
)
def test_usage_is_said_with_its_doubts(totals: Totals, words: str):
    assert used_words(totals) == words


@pytest.mark.parametrize(
    ("nano_usd", "words"),
    [
        (0, "$0"),
        (1, "under $0.0001"),
        (50_000, "$0.0001"),
        (123_456_789, "$0.1235"),
        (10**9, "$1.00"),
        (1_234_567_890_123, "$1,234.57"),
    ],
)
def test_money_is_written_as_fine_as_it_matters(nano_usd: int, words: str):
    assert dollars(nano_usd) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (999_949, "999.9k"), (999_950, "1.0M")],
)
def test_numbers_are_short(count: int, words: str):
    assert short(count) == words
