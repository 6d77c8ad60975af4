"""Plain programs: their words count, their exit code decides."""

from __future__ import annotations

from kimi_swarm.core.output import LineIgnored, TextWritten
from kimi_swarm.workers.dialect import dialect_named, fold


def test_lines_are_text_and_blank_lines_are_nothing():
    dialect = dialect_named("text")
    assert dialect.read("\x1b[32mok\x1b[0m ", is_stderr=False) == [TextWritten("ok")]
    assert dialect.read("   ", is_stderr=False) == [LineIgnored("")]


def test_the_last_text_is_the_closing_lines_not_half_of_them():
    told = fold("text", [b"1 failed\n\n2 passed\n"], [b"a warning\n"])
    assert told.last_text == "1 failed\n2 passed"


def test_the_last_text_is_bounded():
    told = fold("text", [b"".join(b"%d\n" % n for n in range(1000))], [])
    assert told.last_text.split("\n") == [str(n) for n in range(988, 1000)]
    assert len(fold("text", [b"x" * 1_000_000], []).last_text) < 2_100


def test_a_single_line_is_told_once():
    dialect = dialect_named("text")
    dialect.read("only", is_stderr=False)
    assert dialect.end() == []


def test_text_never_claims_an_end_or_a_failure():
    told = fold("text", [b"error: it failed\nfinished\n"], [b"error: 401\n"])
    assert told.finished is None
    assert told.failure is None
