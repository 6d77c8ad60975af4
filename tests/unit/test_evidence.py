"""What counts as done: a table of facts and verdicts, and what must hold for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.runs import a_task
from kimi_swarm.core.evidence import (
    REMEDIES,
    Facts,
    Verdict,
    is_cut_short,
    is_time_limit,
    judge,
    remedy,
    turn_fault,
)
from kimi_swarm.core.names import SessionId
from kimi_swarm.core.output import FailureClass, FailureTold, Finished, Transcript
from kimi_swarm.core.session import Outcome, Place
from kimi_swarm.core.task import Expect
from kimi_swarm.process.records import ExitRecord
from kimi_swarm.supervisor.judged import Judged
from kimi_swarm.supervisor.judgement import Evidence, look_at_work
from kimi_swarm.supervisor.prepare import Seat

SAID = Transcript(last_text="It is built.", finished=Finished("stop"))
GOOD = Facts("exited", 0, SAID, Expect.CHANGES, commits=1, files=2)
DENIED = SAID._replace(failure=FailureTold(FailureClass.AUTH, "Invalid key."))
ODD_END = SAID._replace(finished=Finished("length", is_proper=False))

TABLE: dict[str, tuple[Facts, str, str]] = {
    "changes and a proper end succeed": (GOOD, "succeeded", "changes"),
    "uncommitted files alone are changes": (
        replace(GOOD, commits=0),
        "succeeded",
        "changes",
    ),
    "commits that leave no file different are changes": (
        replace(GOOD, files=0),
        "succeeded",
        "changes",
    ),
    "an answer succeeds where one was asked for": (
        replace(GOOD, expect=Expect.ANSWER, commits=0, files=0),
        "succeeded",
        "answer",
    ),
    "exit 0 succeeds where that is all that was asked for": (
        Facts("exited", 0, Transcript(), Expect.EXIT),
        "succeeded",
        "exit_ok",
    ),
    "an allowed exit code succeeds": (
        replace(GOOD, exit_code=3, ok_exit_codes=(0, 3)),
        "succeeded",
        "changes",
    ),
    "a dialect without a finish needs none": (
        replace(GOOD, transcript=Transcript(), has_finish=False),
        "succeeded",
        "changes",
    ),
    "a passing check succeeds": (
        replace(GOOD, check="make", check_exit=0),
        "succeeded",
        "changes",
    ),
    "a check that is still to come stands in nobody's way": (
        replace(GOOD, check="make"),
        "succeeded",
        "changes",
    ),
    "exit 0 without a change fails": (
        replace(GOOD, commits=0, files=0),
        "failed",
        "no_changes",
    ),
    "blank words are no answer": (
        replace(
            GOOD, expect=Expect.ANSWER, transcript=SAID._replace(last_text=" \n\t")
        ),
        "failed",
        "no_answer",
    ),
    "a stream that stops early fails even with changes": (
        replace(GOOD, transcript=SAID._replace(finished=None)),
        "failed",
        "no_finish",
    ),
    "an improper end fails even with changes": (
        replace(GOOD, transcript=ODD_END),
        "failed",
        "no_finish",
    ),
    "a failing check fails": (
        replace(GOOD, check="make", check_exit=2),
        "failed",
        "check_failed",
    ),
    "a failing check fails where only the exit counts": (
        replace(GOOD, expect=Expect.EXIT, check="make", check_exit=-9),
        "failed",
        "check_failed",
    ),
    "a failure that was told fails in spite of exit 0": (
        replace(GOOD, transcript=DENIED),
        "failed",
        "auth",
    ),
    "a failure that was told speaks before the exit code": (
        replace(GOOD, transcript=DENIED, exit_code=1),
        "failed",
        "auth",
    ),
    "a bad exit code fails even with changes": (
        replace(GOOD, exit_code=1),
        "failed",
        "exit_code",
    ),
    "a signal fails": (replace(GOOD, exit_code=-11), "failed", "exit_code"),
    "no exit code is not a good one": (
        replace(GOOD, exit_code=None),
        "failed",
        "exit_code",
    ),
    "a worker that never started fails": (
        replace(GOOD, cause="not_started", exit_code=None),
        "failed",
        "not_started",
    ),
    "no record is lost, whatever lies there": (
        replace(GOOD, cause="lost", exit_code=None),
        "lost",
        "no_exit_record",
    ),
    "its own deadline is a time limit": (
        replace(GOOD, cause="deadline", exit_code=-15),
        "timed_out",
        "time_limit",
    ),
    "the run's deadline is told apart": (
        replace(GOOD, stop_cause="run_time_limit", cause="stopped"),
        "timed_out",
        "run_time_limit",
    ),
    "a worker that never spoke was ended for that": (
        replace(GOOD, cause="no_first_output", exit_code=-15),
        "timed_out",
        "first_output",
    ),
    "a worker that fell silent was ended for that": (
        replace(GOOD, cause="silent", exit_code=0),
        "timed_out",
        "stalled",
    ),
    "what waited too long for its turn ran out of time": (
        replace(GOOD, stop_cause="queue_time", cause="stopped"),
        "timed_out",
        "queue_time",
    ),
    "what was told to stop is cancelled even if it was silent": (
        replace(GOOD, stop_cause="killed", cause="silent"),
        "cancelled",
        "killed",
    ),
    "what was told to stop is cancelled": (
        replace(GOOD, stop_cause="killed", cause="stopped"),
        "cancelled",
        "killed",
    ),
    "what was told to stop is cancelled even if it finished first": (
        replace(GOOD, stop_cause="killed"),
        "cancelled",
        "killed",
    ),
    "what was told to stop is cancelled even if its record is lost": (
        replace(GOOD, stop_cause="killed", cause="lost", exit_code=None),
        "cancelled",
        "killed",
    ),
    "a shim stopped by somebody else is cancelled": (
        replace(GOOD, cause="stopped", exit_code=-15),
        "cancelled",
        "killed",
    ),
}

STOPPED_BY_TIME = ("run_time_limit", "queue_time")
LIMITS_S = {
    "first_output": 120.0,
    "stalled": 1200.0,
    "time_limit": 0.5,
    "run_time_limit": 3600.0,
    "queue_time": 60.0,
}
transcripts = st.builds(
    Transcript,
    last_text=st.sampled_from(["", " ", "Done."]),
    failure=st.none()
    | st.builds(FailureTold, st.sampled_from(FailureClass), st.text()),
    finished=st.none() | st.builds(Finished, st.text(), st.booleans()),
)
every_fact = st.builds(
    Facts,
    cause=st.just("exited")
    | st.sampled_from(
        ["stopped", "deadline", "no_first_output", "silent", "not_started", "lost"]
    ),
    exit_code=st.just(0) | st.none() | st.integers(-15, 4),
    transcript=transcripts,
    expect=st.sampled_from(Expect),
    ok_exit_codes=st.sampled_from([(0,), (0, 3)]),
    has_finish=st.booleans(),
    stop_cause=st.none() | st.sampled_from(["killed", *STOPPED_BY_TIME, "by_test"]),
    commits=st.integers(0, 2),
    files=st.integers(0, 2),
    check=st.none() | st.just("make test"),
    check_exit=st.none() | st.integers(-2, 2),
    is_check_lost=st.sampled_from([False, False, False, True]),
    error=st.none() | st.just("No such program."),
)


@pytest.mark.parametrize("sentence", TABLE)
def test_verdict_where(sentence: str):
    facts, outcome, reason = TABLE[sentence]
    assert judge(facts)[:2] == (outcome, reason)


def test_what_could_not_start_says_why():
    facts = replace(GOOD, cause="not_started", error="No such program: kimi.")
    assert judge(facts) == Verdict(
        Outcome.FAILED, "not_started", "No such program: kimi."
    )


def test_failures_explain_themselves():
    assert judge(replace(GOOD, exit_code=7)).detail == "It ended with exit code 7."
    assert judge(replace(GOOD, transcript=DENIED)).detail == "Invalid key."
    failing = judge(replace(GOOD, check="make test", check_exit=2))
    assert failing.detail == "Its check ended with exit code 2: make test"


@pytest.mark.parametrize("reason", LIMITS_S)
def test_a_broken_time_limit_names_its_seconds_and_a_remedy(reason: str):
    by_cause = {
        "first_output": "no_first_output",
        "stalled": "silent",
        "time_limit": "deadline",
    }
    cause = by_cause.get(reason, "stopped")
    stop_cause = None if reason in by_cause else reason
    facts = replace(GOOD, cause=cause, stop_cause=stop_cause, limits_s=LIMITS_S)
    verdict = judge(facts)
    assert verdict[:2] == (Outcome.TIMED_OUT, reason)
    assert f" {LIMITS_S[reason]:g} s" in verdict.detail
    assert verdict.detail.endswith(".")
    assert remedy(reason)
    assert is_time_limit(reason)


def test_a_limit_of_unknown_length_is_still_a_sentence():
    verdict = judge(replace(GOOD, cause="silent"))
    assert verdict.detail == "It wrote nothing more for its time."


@given(every_fact)
def test_an_exit_code_alone_is_success_only_where_no_more_was_asked_for(facts: Facts):
    alone = replace(facts, commits=0, files=0, transcript=Transcript())
    if judge(alone).outcome is Outcome.SUCCEEDED:
        assert alone.expect is Expect.EXIT


@given(every_fact)
def test_success_always_has_its_evidence(facts: Facts):
    if judge(facts).outcome is not Outcome.SUCCEEDED:
        return
    assert facts.cause == "exited"
    assert facts.stop_cause is None
    assert facts.exit_code in facts.ok_exit_codes
    assert facts.transcript.failure is None
    assert facts.check is None or facts.check_exit in (None, 0)
    if facts.expect is Expect.CHANGES:
        assert facts.commits or facts.files
    if facts.expect is Expect.ANSWER:
        assert facts.transcript.last_text.strip()
    if facts.expect is not Expect.EXIT and facts.has_finish:
        assert facts.transcript.finished is not None
        assert facts.transcript.finished.is_proper


@given(every_fact)
def test_a_stop_cause_always_wins(facts: Facts):
    if facts.stop_cause is None:
        return
    verdict = judge(facts)
    assert verdict.reason == facts.stop_cause
    is_late = facts.stop_cause in STOPPED_BY_TIME
    assert verdict.outcome is (Outcome.TIMED_OUT if is_late else Outcome.CANCELLED)


@given(every_fact, st.integers().filter(bool))
def test_a_failing_check_never_succeeds(facts: Facts, exit_code: int):
    failing = replace(facts, check="make test", check_exit=exit_code)
    assert judge(failing).outcome is not Outcome.SUCCEEDED


@given(every_fact)
def test_a_verdict_has_a_reason_of_one_word(facts: Facts):
    verdict = judge(facts)
    assert verdict.reason
    assert not set(verdict.reason) & set(" \n")


@given(every_fact)
def test_only_what_left_no_record_is_lost(facts: Facts):
    if judge(facts).outcome is Outcome.LOST:
        assert facts.cause == "lost" or facts.is_check_lost


@pytest.mark.parametrize("reason", [*REMEDIES, FailureClass.AUTH.value])
def test_remedies_are_sentences(reason: str):
    assert remedy(reason).endswith(".")


def checked(home: Path, record: ExitRecord | None) -> Judged:
    """Judge a worker that did well, and whose check ended so."""
    task = replace(a_task("header"), expect=Expect.EXIT, check="make test")
    worked = ExitRecord("exited", 0, 1.0, 2.0)
    seat = Seat(SessionId("calm-river", "header"), task, str(home))
    evidence = Evidence(seat, Place(str(home)), None, worked, lambda: None)

    async def check(line: str) -> ExitRecord | None:
        return record

    async def again(name: str, seat: Seat, limit_s: float) -> ExitRecord | None:
        raise AssertionError("no result was asked for")

    return anyio.run(look_at_work, evidence, check, again)


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (ExitRecord("exited", 0, 2.0, 3.0), Outcome.SUCCEEDED),
        (ExitRecord("exited", 2, 2.0, 3.0), Outcome.FAILED),
        (ExitRecord("not_started", None, 2.0, 3.0), Outcome.FAILED),
        (ExitRecord("deadline", 0, 2.0, 3.0), Outcome.FAILED),
        (ExitRecord("deadline", -15, 2.0, 3.0), Outcome.FAILED),
        (None, Outcome.LOST),
    ],
    ids=["good", "bad", "not started", "late", "ended late", "lost"],
)
def test_only_a_check_that_ended_by_itself_and_well_has_passed(
    tmp_path: Path, record: ExitRecord | None, outcome: Outcome
):
    assert checked(tmp_path, record).verdict.outcome is outcome


def test_a_reason_without_a_remedy_has_none():
    assert remedy("killed") == ""


@given(every_fact)
def test_a_result_that_does_not_fit_never_succeeds(facts: Facts):
    failing = replace(facts, bad_result="It is not as it should be.")
    assert judge(failing).outcome is not Outcome.SUCCEEDED
    if judge(facts).outcome is Outcome.SUCCEEDED:
        assert judge(failing)[1:] == ("bad_result", "It is not as it should be.")


@given(every_fact)
def test_a_turn_without_fault_was_not_cut_short(facts: Facts):
    if turn_fault(facts) is None:
        assert not is_cut_short(facts)
