"""How long a worker may write nothing: what counts as silence, and what does not."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.process.patience import STANDSTILL_S, STEP_S, Mark, Patience

NOTHING: tuple[Mark, ...] = ((0, 0), (0, 0))
EMPTY: tuple[Mark, ...] = ((0, 5), (0, 5))


def said(size: int, when: int = 7) -> tuple[Mark, ...]:
    return ((size, when), (0, 5))


class Look(NamedTuple):
    at: float
    marks: tuple[Mark, ...]
    is_asking: bool = False


def after(patience: Patience, *looks: Look) -> str | None:
    for at, marks, is_asking in looks:
        patience.look(at, marks, is_asking=is_asking)
    return patience.cause


def test_a_worker_without_limits_may_be_silent_for_ever():
    patience = Patience(None, None, at=0)
    looks = [Look(float(at), NOTHING) for at in range(100)]
    assert after(patience, *looks) is None


def test_empty_logs_are_no_first_word():
    patience = Patience(3, None, at=100)
    assert after(patience, Look(101, EMPTY), Look(102.9, EMPTY)) is None
    assert after(patience, Look(103, EMPTY)) == "no_first_output"


def test_a_first_word_ends_the_wait_for_it():
    patience = Patience(3, None, at=0)
    looks = (Look(2, NOTHING), Look(2.9, said(1)), Look(6, said(1)), Look(9, said(1)))
    assert after(patience, *looks) is None


def test_silence_is_counted_from_the_last_word():
    patience = Patience(None, 3, at=0)
    assert after(patience, Look(4, NOTHING), Look(4.5, said(1))) is None
    assert after(patience, Look(7, said(2)), Look(9.9, said(2))) is None
    assert after(patience, Look(10, said(2))) == "silent"


def test_a_log_that_was_cut_is_output_and_goes_on_counting():
    patience = Patience(None, 3, at=0)
    assert after(patience, Look(1, said(1000, 1)), Look(3, said(10, 3))) is None
    assert after(patience, Look(5.9, said(10, 3))) is None
    assert after(patience, Look(6, said(10, 3))) == "silent"


def test_a_clock_that_was_set_back_makes_output_no_less_output():
    patience = Patience(None, 3, at=0)
    looks = (Look(1, said(5, 900)), Look(3, said(5, 100)), Look(5, said(5, 100)))
    assert after(patience, *looks) is None


def test_waiting_for_an_answer_is_no_silence():
    patience = Patience(None, 3, at=0)
    looks = [Look(float(at), said(9), is_asking=True) for at in range(1, 60)]
    assert after(patience, *looks) is None
    assert after(patience, Look(61, said(9))) is None
    assert after(patience, Look(62, said(9))) == "silent"


def test_a_machine_that_stood_still_kills_nobody():
    patience = Patience(3, 3, at=0)
    assert after(patience, Look(1, said(1)), Look(90_000, said(1))) is None
    assert after(patience, Look(90_001.5, said(1))) is None
    assert after(patience, Look(90_002, said(1))) == "silent"


def test_the_next_look_is_due_when_a_limit_may_be_broken():
    patience = Patience(0.25, 10, at=0)
    assert patience.next_look_s == 0.25
    assert after(patience, Look(0.25, NOTHING)) == "no_first_output"
    assert patience.next_look_s == STEP_S
    assert Patience(None, None, at=0).next_look_s == STEP_S


gaps = st.floats(0.01, STANDSTILL_S - 0.01)


@given(st.lists(gaps, max_size=50), st.floats(STANDSTILL_S, 1000))
def test_who_talks_at_every_look_is_never_ended_however_slow(
    between: list[float], limit_s: float
):
    patience, at = Patience(limit_s, limit_s, at=0), 0.0
    for size, gap in enumerate(between, start=1):
        at += gap
        assert after(patience, Look(at, said(size))) is None


@given(st.lists(st.tuples(gaps, st.booleans()), max_size=50), st.floats(0.1, 60))
def test_nobody_is_ended_before_the_limit_of_silence(
    looks: list[tuple[float, bool]], limit_s: float
):
    patience, at, spoke_at, size = Patience(None, limit_s, at=0), 0.0, None, 0
    for gap, speaks in looks:
        at += gap
        if speaks:
            size, spoke_at = size + 1, at
        if after(patience, Look(at, said(size))) is not None:
            assert spoke_at is not None
            assert at - spoke_at >= limit_s - 1e-6
