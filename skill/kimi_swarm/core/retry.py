"""Whether a task is tried again after a session that failed, when, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kimi_swarm.core.output import RETRYABLE, FailureClass
from kimi_swarm.core.session import Outcome

LONGEST_DELAY_S = 300.0
CUT_OFF = frozenset(
    (
        *("rate_limit", "provider", "quota", "auth"),
        *("no_finish", "stalled", "time_limit"),
    )
)
"""Reasons after which a person who asks for another try wants the worker to go on."""
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
    """Try again after `delay_s`, as the `tries`-th try since the task was asked for."""

    delay_s: float
    tries: int
    resumes: bool


def next_try(
    attempt: Attempt, *, tries: int, retries: int, delay_s: float, chance: float
) -> Retry | None:
    """Return the next try of a task, None if there should be none.

    `tries` counts this session too, `retries` is how many more there may be in all,
    `delay_s` the longest first pause and `chance` a random number from 0 to 1: pauses
    double, and spread over their upper half so that crowds part.
    """
    if tries > retries or not attempt.is_proved_dead:
        return None
    how = _how(attempt)
    if how is None:
        return None
    pause_s = min(delay_s * 2 ** (tries - 1), LONGEST_DELAY_S)
    return Retry(round(pause_s * (0.5 + chance / 2), 3), tries + 1, how)


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
