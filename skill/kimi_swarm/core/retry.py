"""Whether a task is tried again after a session that failed, when, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kimi_swarm.core.output import RETRYABLE, FailureClass
from kimi_swarm.core.session import Outcome

LONGEST_DELAY_S = 300.0
MOST_DOUBLINGS = 30
LONGEST_WAIT_S = 86_400.0
"""For so long a provider that refuses for its rate is asked again."""
CUT_OFF = frozenset(
    (
        *("rate_limit", "provider", "quota", "auth"),
        *("no_finish", "stalled", "time_limit", "budget"),
    )
)
"""Reasons after which a person who asks for another try wants the worker to go on."""
NEEDS_A_HAND = frozenset(
    (
        *("auth", "quota", "unknown_model", "not_configured", "bad_request", "budget"),
        *("not_started", "asked", "need_conflict", "run_time_limit"),
    )
)
"""Reasons that another try alone does not mend: somebody has to do something first."""
GO_ON = (
    "Your last turn was cut off before its end, by a fault that was not yours. "
    "See what is done already, then finish the task."
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of a session that ended without success.

    `has_output` is whether its worker said or did anything, `has_crashed` whether its
    process died by a signal or refused to work without a word. `is_proved_dead` says
    that no process of it can be left, `is_apart` that a new session would work in a
    place of its own, `can_resume` that its conversation can be gone on with.
    """

    outcome: Outcome
    reason: str
    failure: FailureClass | None = None
    has_output: bool = False
    has_crashed: bool = False
    is_proved_dead: bool = True
    is_apart: bool = True
    can_resume: bool = False


class Retry(NamedTuple):
    """Try again after `delay_s`, as the `tries`-th try since the task was asked for.

    Not `counts`: the session before was no try at all.
    """

    delay_s: float
    tries: int
    resumes: bool
    counts: bool = True


class Limited(NamedTuple):
    """How a provider's rate limit has held up a task, this session included.

    `sessions` of it ended by that in a row, the first of which was queued `since_s`
    seconds ago.
    """

    sessions: int = 1
    since_s: float = 0.0


def next_try(
    attempt: Attempt,
    *,
    tries: int,
    retries: int,
    delay_s: float,
    chance: float,
    limited: Limited | None = None,
) -> Retry | None:
    """Return the next try of a task, None if there should be none.

    `tries` counts this session too, `retries` is how many more there may be in all,
    `delay_s` the longest first pause and `chance` a random number from 0 to 1: pauses
    double, and spread over their upper half so that crowds part. A session that a rate
    limit ended counts as no try, unless none are wanted at all.
    """
    limited = limited or Limited()
    is_free = _is_free(attempt, limited) and retries > 0
    if (tries > retries and not is_free) or not attempt.is_proved_dead:
        return None
    how = _how(attempt)
    if how is None:
        return None
    doublings = limited.sessions if is_free else tries
    pause_s = delay_s * 2.0 ** min(doublings - 1, MOST_DOUBLINGS)
    pause_s = min(pause_s, LONGEST_DELAY_S) * (0.5 + chance / 2)
    next_tries = tries if is_free else tries + 1
    return Retry(round(pause_s, 3), next_tries, how, counts=not is_free)


def _is_free(attempt: Attempt, limited: Limited) -> bool:
    """Whether it was no try: a rate limit is never the worker's doing."""
    is_rate_limit = attempt.failure is FailureClass.RATE_LIMIT
    return is_rate_limit and limited.since_s < LONGEST_WAIT_S


def held_back(attempt: Attempt | None, *, tries: int) -> Retry | None:
    """Return the try that waits for a budget, None where it could do harm.

    It counts for none: nothing was wrong with the work. `attempt` is None where no
    worker was ever started.
    """
    at_once_s = 0.001
    if attempt is None:
        return Retry(at_once_s, tries, resumes=False, counts=False)
    if not attempt.is_proved_dead:
        return None
    if attempt.can_resume:
        return Retry(at_once_s, tries, resumes=True, counts=False)
    is_harmless = attempt.is_apart or not attempt.has_output
    return Retry(at_once_s, tries, resumes=False, counts=False) if is_harmless else None


def _how(attempt: Attempt) -> bool | None:
    """Return whether a retry resumes (else it begins anew), None for no retry.

    What a worker did could be done twice by beginning anew; so whoever has done
    something is resumed, or begins anew in a place of its own.
    """
    if _is_provider_s(attempt):
        is_harmless = attempt.is_apart or not attempt.has_output
        return True if attempt.can_resume else (False if is_harmless else None)
    if _has_never_worked(attempt):
        return False
    is_stalled = attempt.outcome is Outcome.TIMED_OUT and attempt.reason == "stalled"
    if is_stalled and attempt.can_resume:
        return True
    if attempt.outcome is Outcome.LOST and attempt.is_apart:
        return False
    return None


def _is_provider_s(attempt: Attempt) -> bool:
    """Whether the provider failed: it said so, or its answer broke off."""
    if attempt.outcome is not Outcome.FAILED:
        return False
    is_cut_off = attempt.failure is None and attempt.reason == "no_finish"
    return attempt.failure in RETRYABLE or is_cut_off


def _has_never_worked(attempt: Attempt) -> bool:
    """Whether the worker crashed, or hung, before it said or did anything."""
    if attempt.outcome is Outcome.TIMED_OUT:
        return attempt.reason == "first_output"
    is_mute = attempt.failure is None and not attempt.has_output
    is_crash = attempt.reason == "exit_code" and attempt.has_crashed
    return attempt.outcome is Outcome.FAILED and is_mute and is_crash
