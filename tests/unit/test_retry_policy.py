"""What is tried again, how and when: a pure answer to what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_swarm.core.output import RETRYABLE, FailureClass
from kimi_swarm.core.retry import (
    LONGEST_DELAY_S,
    LONGEST_WAIT_S,
    Attempt,
    Limited,
    Retry,
    next_try,
)
from kimi_swarm.core.session import Outcome

NEVER = tuple(set(FailureClass) - RETRYABLE)
SILENT_REASONS = ("first_output", "stalled")
LATE_REASONS = ("time_limit", "run_time_limit", "queue_time")
WORK_REASONS = ("no_changes", "no_answer", "check_failed", "asked", "bad_result")

PROVIDER = Attempt(Outcome.FAILED, "provider", FailureClass.PROVIDER, has_output=True)
CRASH = Attempt(Outcome.FAILED, "exit_code", has_crashed=True)
LOST = Attempt(Outcome.LOST, "no_exit_record")

attempts = st.builds(
    Attempt,
    outcome=st.sampled_from(Outcome),
    reason=st.sampled_from(
        ("exit_code", "no_finish", *SILENT_REASONS, *LATE_REASONS, *WORK_REASONS)
    ),
    failure=st.none() | st.sampled_from(FailureClass),
    has_output=st.booleans(),
    has_crashed=st.booleans(),
    is_proved_dead=st.booleans(),
    is_apart=st.booleans(),
    can_resume=st.booleans(),
)
chances = st.floats(0, 1)


def again(
    attempt: Attempt, *, tries: int = 1, retries: int = 2, chance: float = 1.0
) -> Retry | None:
    return next_try(attempt, tries=tries, retries=retries, delay_s=5.0, chance=chance)


@pytest.mark.parametrize("failure", sorted(RETRYABLE))
def test_a_provider_s_fault_is_tried_again(failure: FailureClass):
    counts = failure is not FailureClass.RATE_LIMIT
    assert again(replace(PROVIDER, failure=failure)) == Retry(
        5.0, 1 + counts, resumes=False, counts=counts
    )


@pytest.mark.parametrize("failure", sorted(NEVER))
def test_what_only_a_person_can_mend_is_not(failure: FailureClass):
    assert again(replace(PROVIDER, failure=failure, can_resume=True)) is None


LIMITED = replace(PROVIDER, reason="rate_limit", failure=FailureClass.RATE_LIMIT)


def limited(sessions: int, since_s: float = 60.0, *, retries: int = 2) -> Retry | None:
    return next_try(
        LIMITED,
        tries=3,
        retries=retries,
        delay_s=5.0,
        chance=1.0,
        limited=Limited(sessions, since_s),
    )


def test_a_rate_limit_counts_as_no_try_however_often_it_comes():
    found = [limited(number) for number in (1, 2, 3, 50)]
    assert [one and one.delay_s for one in found] == [5.0, 10.0, 20.0, LONGEST_DELAY_S]
    assert all(one is not None and one.tries == 3 for one in found)
    assert not any(one is not None and one.counts for one in found)


def test_a_rate_limit_of_a_whole_day_and_unwanted_tries_are_no_more_waited_for():
    assert limited(50, LONGEST_WAIT_S - 1) is not None
    assert limited(50, LONGEST_WAIT_S) is None
    assert limited(1, retries=0) is None


def test_a_worker_that_did_something_is_resumed_where_it_can_be():
    assert again(replace(PROVIDER, can_resume=True)) == Retry(5.0, 2, resumes=True)


def test_a_worker_that_did_something_in_a_shared_folder_never_begins_anew():
    assert again(replace(PROVIDER, is_apart=False)) is None
    mute = replace(PROVIDER, is_apart=False, has_output=False)
    assert again(mute) == Retry(5.0, 2, resumes=False)


def test_a_crash_before_a_word_is_tried_again_and_one_after_is_not():
    assert again(CRASH) is not None
    assert again(replace(CRASH, has_output=True)) is None
    assert again(replace(CRASH, has_crashed=False)) is None


def test_an_answer_that_broke_off_is_the_provider_s_fault():
    assert again(Attempt(Outcome.FAILED, "no_finish", has_output=True)) is not None


def test_one_that_never_spoke_begins_anew_and_one_fallen_silent_only_goes_on():
    assert again(Attempt(Outcome.TIMED_OUT, "first_output")) is not None
    stalled = Attempt(Outcome.TIMED_OUT, "stalled", has_output=True)
    assert again(stalled) is None
    assert again(replace(stalled, can_resume=True)) == Retry(5.0, 2, resumes=True)


def test_a_lost_one_is_tried_again_only_when_it_is_dead_and_the_place_is_clean():
    assert again(LOST) == Retry(5.0, 2, resumes=False)
    assert again(replace(LOST, is_proved_dead=False)) is None
    assert again(replace(LOST, is_apart=False)) is None


@given(attempts)
def test_nothing_runs_again_while_the_first_might_live(attempt: Attempt):
    if again(attempt) is not None:
        assert attempt.is_proved_dead


@example(Attempt(Outcome.SUCCEEDED, "stalled", can_resume=True))
@given(attempts)
def test_success_cancelling_and_spent_time_are_final(attempt: Attempt):
    is_final = attempt.outcome in (Outcome.SUCCEEDED, Outcome.CANCELLED)
    is_late = attempt.outcome is Outcome.TIMED_OUT and attempt.reason in LATE_REASONS
    if is_final or is_late:
        assert again(attempt) is None


@given(attempts, st.integers(1, 30), st.integers(0, 20), chances)
def test_tries_are_counted_and_pauses_bounded(
    attempt: Attempt, tries: int, retries: int, chance: float
):
    found = again(attempt, tries=tries, retries=retries, chance=chance)
    if found is not None:
        assert found.tries == tries + found.counts
        assert found.tries <= retries + 1 or not found.counts
        assert 0 <= found.delay_s <= LONGEST_DELAY_S
        assert found.resumes <= attempt.can_resume


@given(chances)
def test_pauses_double_and_spread_over_their_upper_half(chance: float):
    pauses = [
        found.delay_s
        for tries in (1, 2, 3)
        if (found := again(PROVIDER, tries=tries, retries=9, chance=chance))
    ]
    for pause_s, whole_s in zip(pauses, (5, 10, 20), strict=True):
        assert whole_s / 2 <= pause_s <= whole_s
