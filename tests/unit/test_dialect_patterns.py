"""A profile's own patterns, for programs that only print for people."""

from __future__ import annotations

import pytest

from kimi_swarm.core.output import FailureClass, FailureTold, Finished
from kimi_swarm.workers.dialect import fold
from kimi_swarm.workers.patterns import (
    MAX_MATCHED_CHARS,
    failure_by_exit,
    question_in,
)
from kimi_swarm.workers.word_fault import told_in_words

ERRORS = (
    (r"^ERROR: key", "auth"),
    (r"slow down", "rate_limit"),
)


def test_a_line_that_matches_tells_the_failure_of_a_plain_program():
    told = fold(
        "text", [b"working\n\x1b[31mERROR: key expired\x1b[0m\n"], [], errors=ERRORS
    )
    assert told.failure == FailureTold(FailureClass.AUTH, "ERROR: key expired")


def test_both_outputs_are_looked_at_and_the_last_match_counts():
    told = fold(
        "text", [b"ERROR: key expired\n"], [b"please slow down\n"], errors=ERRORS
    )
    assert told.failure == FailureTold(FailureClass.RATE_LIMIT, "please slow down")
    assert fold("text", [b"fine\n"], [], errors=ERRORS).failure is None


def test_what_a_spoken_dialect_tells_goes_before_patterns():
    failed = b'{"event":"error","class":"quota","message":"empty"}\nslow down\n'
    told = fold("swarm", [failed], [], errors=ERRORS)
    assert told.failure == FailureTold(FailureClass.QUOTA, "empty")
    ended = b'slow down\n{"event":"finished"}\n'
    told = fold("swarm", [ended], [], errors=ERRORS)
    assert (told.failure, told.finished) == (None, Finished("stop"))


def test_an_improper_end_is_explained_by_a_pattern():
    ended = b'slow down\n{"event":"finished","reason":"cut","proper":false}\n'
    told = fold("swarm", [ended], [], errors=ERRORS)
    assert told.failure == FailureTold(FailureClass.RATE_LIMIT, "slow down")


def test_only_the_start_of_a_long_line_is_looked_at():
    line = b"x" * MAX_MATCHED_CHARS + b" slow down\n"
    assert fold("text", [line], [], errors=ERRORS).failure is None


def test_an_exit_code_may_tell_a_failure():
    told = failure_by_exit(((75, "provider"),), 75)
    assert told == FailureTold(FailureClass.PROVIDER, "It ended with exit code 75.")
    assert failure_by_exit(((75, "provider"),), 1) is None
    assert failure_by_exit((), None) is None


def test_a_last_line_that_asks_is_a_question():
    screen = "Found a file.\n\x1b[1mOverwrite it? [y/N]\x1b[0m \n\n"
    assert question_in(r"\[y/N\]", screen) == "Overwrite it? [y/N]"
    assert question_in(r"\[y/N\]", f"{screen}Done.\n") is None
    assert question_in(None, screen) is None
    assert question_in(r".", "") is None


@pytest.mark.parametrize(
    ("sentence", "failure", "status"),
    [
        ("API Error: 529 overloaded", FailureClass.PROVIDER, 529),
        ("401 Unauthorized", FailureClass.AUTH, 401),
        ("(402) no balance", FailureClass.QUOTA, 402),
        ("unexpected status 404 Not Found", FailureClass.UNKNOWN_MODEL, 404),
        ("wrote 500 lines", FailureClass.OTHER, None),
        ("Credit balance is too low", FailureClass.QUOTA, None),
        ("Model not found: x/y.", FailureClass.UNKNOWN_MODEL, None),
        ("Please run /login", FailureClass.NOT_CONFIGURED, None),
        ("Invalid API key", FailureClass.AUTH, None),
        ("fetch failed", FailureClass.PROVIDER, None),
        ("context window exceeded", FailureClass.BAD_REQUEST, None),
        ("Who knows", FailureClass.OTHER, None),
    ],
)
def test_a_sentence_without_a_code_has_a_class(
    sentence: str, failure: FailureClass, status: int | None
):
    told = told_in_words(sentence)
    assert (told.failure, told.status) == (failure, status)
    assert told_in_words("").message == "no reason given"
