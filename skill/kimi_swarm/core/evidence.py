"""What decides an outcome: not the exit code alone, but what shows that work was done.

A worker's stream may end early with exit code 0, a scrap of text and no file; so a task
succeeds only with a proper end, and changes (or an answer, where that was asked for),
and its check passing on exactly the committed state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kimi_swarm.core.output import FailureClass, Transcript
from kimi_swarm.core.session import Outcome
from kimi_swarm.core.task import Expect


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a session after its worker ended.

    `cause` is how the launch ended: exited, stopped, deadline, no_first_output, silent,
    not_started, or lost when its shim left no record. `limits_s` holds the time limits
    that it was under by the reason that breaking each would give. `check_exit` is None
    until the check ran. `bad_result` says why the result fails, where one is wanted.
    """

    cause: str
    exit_code: int | None
    transcript: Transcript
    expect: Expect
    ok_exit_codes: tuple[int, ...] = (0,)
    has_finish: bool = True
    stop_cause: str | None = None
    commits: int = 0
    files: int = 0
    check: str | None = None
    check_exit: int | None = None
    is_check_lost: bool = False
    bad_result: str | None = None
    error: str | None = None
    limits_s: Mapping[str, float] = field(default_factory=dict)


class Verdict(NamedTuple):
    """An outcome, its reason as one word, and a sentence of detail for people."""

    outcome: Outcome
    reason: str
    detail: str = ""


def judge(facts: Facts) -> Verdict:
    """Decide the outcome of a session from the facts."""
    for look in (_interruption, _worker_failure, _lost_check, _missing_evidence):
        verdict = look(facts)
        if verdict is not None:
            return verdict
    match facts.expect:
        case Expect.CHANGES:
            return Verdict(Outcome.SUCCEEDED, "changes")
        case Expect.ANSWER:
            return Verdict(Outcome.SUCCEEDED, "answer")
        case Expect.EXIT:
            return Verdict(Outcome.SUCCEEDED, "exit_ok")


def is_cut_short(facts: Facts) -> bool:
    """Whether a turn was ended from outside, or by what its worker could not help."""
    return _interruption(facts) is not None or facts.transcript.failure is not None


def turn_fault(facts: Facts) -> str | None:
    """Return what was wrong with how a turn ended, None if it ended well."""
    verdict = _interruption(facts) or _worker_failure(facts)
    return None if verdict is None else verdict.detail or verdict.reason


_CAUSES = {
    "lost": Verdict(
        Outcome.LOST,
        "no_exit_record",
        "Its supervising process vanished without a record.",
    ),
    "stopped": Verdict(Outcome.CANCELLED, "killed"),
    "not_started": Verdict(Outcome.FAILED, "not_started"),
}

_LIMIT_OF_CAUSE = {
    "deadline": "time_limit",
    "no_first_output": "first_output",
    "silent": "stalled",
}
_TIMES_UP = {
    "first_output": "It wrote nothing at all in its first {}.",
    "stalled": "It wrote nothing more for {}.",
    "time_limit": "It was not done after {}.",
    "run_time_limit": "The run's time of {} was up.",
    "queue_time": "It could not start within {}.",
}


def is_time_limit(reason: str) -> bool:
    """Whether a reason means that time was up, and not that somebody cancelled."""
    return reason in _TIMES_UP


def time_is_up(reason: str, limit_s: float | None) -> Verdict:
    """Return the verdict on what broke a time limit; the sentence names the seconds."""
    told = "its time" if limit_s is None else f"{limit_s:g} s"
    return Verdict(Outcome.TIMED_OUT, reason, _TIMES_UP[reason].format(told))


def _interruption(facts: Facts) -> Verdict | None:
    limit = facts.stop_cause or _LIMIT_OF_CAUSE.get(facts.cause, "")
    if is_time_limit(limit):
        return time_is_up(limit, facts.limits_s.get(limit))
    if facts.stop_cause is not None:
        return Verdict(Outcome.CANCELLED, facts.stop_cause)
    verdict = _CAUSES.get(facts.cause)
    if verdict is not None and facts.error:
        return verdict._replace(detail=facts.error)
    return verdict


def _worker_failure(facts: Facts) -> Verdict | None:
    failure = facts.transcript.failure
    if failure is not None:
        return Verdict(Outcome.FAILED, failure.failure.value, failure.message)
    if facts.exit_code not in facts.ok_exit_codes:
        return Verdict(
            Outcome.FAILED, "exit_code", f"It ended with exit code {facts.exit_code}."
        )
    if facts.expect is Expect.EXIT or not facts.has_finish:
        return None
    finished = facts.transcript.finished
    if finished is None:
        return Verdict(
            Outcome.FAILED, "no_finish", "Its output stops without a proper end."
        )
    if not finished.is_proper:
        return Verdict(
            Outcome.FAILED, "no_finish", f"It ended with reason {finished.reason!r}."
        )
    return None


def _lost_check(facts: Facts) -> Verdict | None:
    """Say nothing good or bad of a check that nobody saw end."""
    if not facts.is_check_lost:
        return None
    sentence = "The process around its check vanished without a record."
    return Verdict(Outcome.LOST, "check_lost", sentence)


def _missing_evidence(facts: Facts) -> Verdict | None:
    if facts.expect is Expect.CHANGES and not (facts.commits or facts.files):
        if facts.transcript.question is not None:
            asked = facts.transcript.question
            return Verdict(Outcome.FAILED, "asked", f"It asked and stopped: {asked}")
        return Verdict(
            Outcome.FAILED,
            "no_changes",
            "It said it was done, but no file changed and nothing was committed.",
        )
    if facts.expect is Expect.ANSWER and not facts.transcript.last_text.strip():
        return Verdict(Outcome.FAILED, "no_answer", "It ended without an answer.")
    if facts.bad_result is not None:
        return Verdict(Outcome.FAILED, "bad_result", facts.bad_result)
    if facts.check is not None and facts.check_exit not in (None, 0):
        return Verdict(
            Outcome.FAILED,
            "check_failed",
            f"Its check ended with exit code {facts.check_exit}: {facts.check}",
        )
    return None


REMEDIES = {
    FailureClass.AUTH: "Log the worker in, or give it a valid key; then `retry` the "
    "run.",
    FailureClass.QUOTA: "The account has no quota left: top it up, or use another "
    "profile.",
    FailureClass.RATE_LIMIT: "The provider's rate limit was hit: `retry` the run later "
    "with a lower limits.concurrency.",
    FailureClass.PROVIDER: "The provider failed: `retry` the run later.",
    FailureClass.UNKNOWN_MODEL: "Choose a model that the worker's provider has.",
    FailureClass.NOT_CONFIGURED: "Configure the worker first: log in, or name a model "
    "and key.",
    FailureClass.BUDGET: "Raise the budget, then `retry` the run.",
    "exit_code": "Read the end of its log.",
    "no_finish": "Read its log; if its model breaks off again, try another one.",
    "not_started": "Check its command, and that its program is there.",
    "time_limit": "Give it more time (timeout_s), or a smaller task.",
    "first_output": "Read its log; if it needs longer to begin, set first_output_s (0: "
    "no limit).",
    "stalled": "Read its log; if it works so long without a word, set silence_s (0: no "
    "limit).",
    "queue_time": "Let it wait longer (queue_s), or raise limits.concurrency.",
    "run_time_limit": "Give the run more time (limits.wall_s), or fewer tasks.",
    "asked": "Answer it with `send`, or say it in the prompt and spawn again.",
    "no_changes": "Read its log; if no change is right, declare `expect: answer`.",
    "bad_result": "Read its log; say in the prompt what the result is to hold, or ask "
    "for less in its schema, then `retry`.",
    "check_failed": "Read the check's output at the end of its log.",
    "need_failed": "Mend the task it needs, then `retry` the run.",
    "need_conflict": "Let fewer tasks write the same files, or merge them by hand.",
}


OURS = frozenset(
    (
        *_TIMES_UP,
        *("exit_code", "no_changes", "no_answer", "check_failed", "check_lost"),
        *("no_exit_record", "need_failed"),
    )
)
"""Reasons whose sentence holds no word of a worker, of its provider or of its files."""


def remedy(reason: str) -> str:
    """Return what to do about a reason, or an empty string."""
    return REMEDIES.get(reason, "")
