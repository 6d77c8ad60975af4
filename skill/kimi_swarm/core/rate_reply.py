"""What a provider's answer says of its limits: from fields first, from words last.

A rate limit (wait, then go on) is told apart from a quota that is gone (waiting a
minute is of no use), from an engine that is busy whoever asks, and from a key or a
request that is at fault, which say nothing of the pool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from kimi_swarm.core.quota_words import tells_of_quota
from kimi_swarm.core.rate_headers import Told, duration_s, told_by, wait_told
from kimi_swarm.core.window import Measure

MAX_BODY_CHARS = 65_536
MAX_MESSAGE_CHARS = 300
SHORT_WAIT_S = 120.0
"""Who says that so soon it may go on means a rate, also where it says "quota"."""

_OK_BELOW = 400
_TOO_MANY = 429
_NO_MONEY = 402
_FORBIDDEN = 403
_FAULT_FROM = 500
_BUSY = frozenset({503, 529})

_QUOTA_TYPES = frozenset(
    (
        *("exceeded_current_quota_error", "insufficient_quota", "billing_error"),
        *("access_terminated_error", "billing_hard_limit_reached"),
        *("insufficient_balance", "payment_required"),
    )
)
_BUSY_TYPES = frozenset(
    {"engine_overloaded_error", "overloaded_error", "engine_overloaded"}
)
_RATE_TYPES = frozenset(
    ("rate_limit_reached_error", "rate_limit_error", "rate_limit_exceeded")
)
_BUSY_WORDS = re.compile(r"overloaded|at capacity", re.IGNORECASE)
_WAIT_WORDS = re.compile(
    r"(?:try again|retry|resets?)\s+(?:after|in)\s+(.{1,40})", re.IGNORECASE
)
_AT_ONCE = re.compile(
    r"max (?:\w+ )?concurrency:? {0,2}(\d{1,6})|"
    r"concurrency limit(?: of|:)? {0,2}(\d{1,6})",
    re.IGNORECASE,
)
# "max RPM: 3", "TPD rate limit, current: 5, limit: 4", "(TPM): Limit 10000".
_RATE = re.compile(
    r"\b([RT])P([SMHD])\b\)?[^.;]{0,60}?"
    r"(?:limit:?|:) {0,2}(\d[\d,]{0,14})(?!\d*,? limit)",
    re.IGNORECASE,
)
_PER_S = {"S": 1.0, "M": 60.0, "H": 3600.0, "D": 86_400.0}


class ReplyKind(StrEnum):
    """What an answer means for the pool that its request drew on."""

    FINE = "fine"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    QUOTA_GONE = "quota_gone"
    REFUSED = "refused"
    """The key or the request is at fault; the pool is as good as before."""
    FAULT = "fault"
    """The provider failed; that tells nothing of its limits."""


class Reply(NamedTuple):
    """An answer's meaning: kind, seconds to wait if told, limits told, and its words.

    `concurrency` is how many requests at once the provider says it takes.
    """

    kind: ReplyKind
    wait_s: float | None = None
    concurrency: int | None = None
    told: tuple[Told, ...] = ()
    message: str = ""


FINE = Reply(ReplyKind.FINE)


class _Said(NamedTuple):
    types: frozenset[str]
    message: str
    wait_s: float | None


def read_reply(
    status: int, headers: Mapping[str, str], body: str = "", *, unix_s: float
) -> Reply:
    """Return what an answer means for its pool.

    `body` is needed of answers of 400 and above only, its first 64 KiB at most.
    `unix_s` is the time of day, for providers that tell moments instead of seconds.
    """
    small = {name.lower(): value for name, value in headers.items()}
    told = told_by(small, unix_s=unix_s)
    if status < _OK_BELOW:
        return FINE._replace(told=told) if told else FINE
    said = _said(body[:MAX_BODY_CHARS])
    wait_s = wait_told(small, unix_s=unix_s)
    wait_s = said.wait_s if wait_s is None else wait_s
    kind = _kind(status, said, wait_s)
    if wait_s is None and kind in (ReplyKind.RATE_LIMIT, ReplyKind.QUOTA_GONE):
        resets = [one.reset_s for one in told if one.left == 0 and one.reset_s]
        wait_s = max(resets, default=None)
    if kind is ReplyKind.QUOTA_GONE and wait_s is not None and wait_s <= SHORT_WAIT_S:
        wait_s = None  # that is said of a rate; money does not come back so soon
    at_once = _AT_ONCE.search(said.message) if kind is ReplyKind.RATE_LIMIT else None
    rates = _rates(said.message) if kind is ReplyKind.RATE_LIMIT else ()
    return Reply(
        kind,
        wait_s,
        None if at_once is None else int(at_once[1] or at_once[2]) or None,
        (*told, *rates),
        _plain(said.message),
    )


def _kind(  # noqa: PLR0911 one answer per family of statuses
    status: int, said: _Said, wait_s: float | None
) -> ReplyKind:
    if status == _NO_MONEY or said.types & _QUOTA_TYPES:
        return ReplyKind.QUOTA_GONE
    if said.types & _BUSY_TYPES or status in _BUSY:
        return ReplyKind.OVERLOADED
    if status >= _FAULT_FROM:
        return ReplyKind.FAULT
    is_soon = wait_s is not None and wait_s <= SHORT_WAIT_S
    is_typed = said.types & _RATE_TYPES and status == _TOO_MANY
    is_quota = tells_of_quota(said.message, status) and not is_typed
    if status == _FORBIDDEN and is_quota:
        return ReplyKind.QUOTA_GONE
    if status != _TOO_MANY:
        return ReplyKind.REFUSED
    if is_quota and not is_soon:
        return ReplyKind.QUOTA_GONE
    if _BUSY_WORDS.search(said.message) and not is_typed:
        return ReplyKind.OVERLOADED
    return ReplyKind.RATE_LIMIT


def _said(body: str) -> _Said:
    """Find type, words and wait in `{"error": {…}}`, `{"error": "…"}` or plain text."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _with_wait(frozenset(), body[:MAX_MESSAGE_CHARS])
    while isinstance(data, list) and data:
        data = data[0]
    error = data.get("error", data) if isinstance(data, dict) else data
    if not isinstance(error, dict):
        return _with_wait(frozenset(), error if isinstance(error, str) else "")
    types = [error.get(name) for name in ("type", "code", "status")]
    texts = (error.get(name) for name in ("message", "detail", "error"))
    message = next((text for text in texts if isinstance(text, str)), "")
    said = _with_wait(
        frozenset(kind.lower() for kind in types if isinstance(kind, str)), message
    )
    in_details = _delay_in(error.get("details"))
    return said if in_details is None else said._replace(wait_s=in_details)


def _with_wait(types: frozenset[str], message: str) -> _Said:
    message = message[: 10 * MAX_MESSAGE_CHARS]
    wait = _WAIT_WORDS.search(message)
    return _Said(types, message, duration_s(wait[1]) if wait else None)


def _delay_in(details: Any) -> float | None:
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict) and isinstance(one.get("retryDelay"), str):
            return duration_s(one["retryDelay"])
    return None


def _rates(message: str) -> tuple[Told, ...]:
    return tuple(
        Told(
            Measure.REQUESTS if what.upper() == "R" else Measure.TOKENS,
            most=int(most.replace(",", "")),
            per_s=_PER_S[unit.upper()],
        )
        for what, unit, most in _RATE.findall(message)
        if int(most.replace(",", ""))
    )


def _plain(message: str) -> str:
    line = " ".join(message.split())
    shown = "".join(c for c in line if c.isprintable())
    return shown[:MAX_MESSAGE_CHARS]
