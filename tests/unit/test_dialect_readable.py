"""What a person reads in a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    RetryNoticed,
    TextWritten,
    ToolUsed,
    UsageCounted,
)
from kimi_swarm.workers.dialect import UnknownDialectError
from kimi_swarm.workers.readable import readable_lines, render

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (TextWritten("a\n\nb\n"), ["a", "", "b"]),
        (TextWritten("\x1b[1mbold"), ["bold"]),
        (LineIgnored("a line"), ["a line"]),
        (LineIgnored(""), []),
        (ToolUsed("Write", "Write src/App.tsx"), ["> Write src/App.tsx"]),
        (
            RetryNoticed(FailureClass.RATE_LIMIT, "slow down", 429),
            ["! retry: rate_limit 429 slow down"],
        ),
        (
            FailureTold(FailureClass.AUTH, "Invalid Authentication", 401),
            ["! auth: 401 Invalid Authentication"],
        ),
        (FailureTold(FailureClass.OTHER, "no idea"), ["! failed: no idea"]),
        (Finished("stop"), []),
        (Finished("length", is_proper=False), ["! ended: length"]),
        (ConversationKnown("x"), []),
        (UsageCounted(900, 100, 40, 5), ["= 900 tokens in (100 cached), 45 out"]),
        (UsageCounted(9, 0, 4, 0, 0.25), ["= 9 tokens in, 4 out, $0.2500"]),
    ],
)
def test_an_event_is_told_in_plain_lines(event: OutputEvent, lines: list[str]):
    assert render(event) == lines


def test_kimi_code_s_log_reads_like_a_story():
    raw = (TRANSCRIPTS / "kimi-2.1.0" / "429_once.out").read_text().splitlines()
    limit = "Your account request reached organization max RPM: 3, "
    limit += "please try again after 1 seconds"
    assert list(readable_lines("kimi", raw, is_stderr=False)) == [
        f"! retry: rate_limit 429 {limit}",
        "I will call Write.",
        "> Write notes.txt",
        "Wrote 6 bytes to notes.txt",
        "All done.",
    ]


def test_text_passes_as_it_is_blank_lines_too():
    raw = ["a", "", "  b\x1b[0m", "10%\r100%"]
    told = list(readable_lines("text", raw, is_stderr=True))
    assert told == ["a", "", "  b", "10%", "100%"]


def test_lines_are_told_as_they_come():
    def endless() -> Iterator[str]:
        while True:
            yield "tick"

    story = readable_lines("swarm", endless(), is_stderr=False)
    assert [next(story) for _ in range(3)] == ["tick"] * 3


def test_an_unknown_dialect_is_refused():
    with pytest.raises(UnknownDialectError):
        list(readable_lines("klingon", [], is_stderr=False))
