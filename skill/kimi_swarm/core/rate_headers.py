"""What the headers of an answer tell of limits: how long to wait, and what is left.

The families that are known: Retry-After (seconds or a date), retry-after-ms;
`x-ratelimit-limit|remaining|reset`, with `-requests`, `-tokens`, `-req-minute` and the
like behind; the same under `ratelimit-` with a policy; `anthropic-ratelimit-…`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from kimi_swarm.core.window import Measure

LONGEST_S = 40 * 86_400.0
"""No wait is longer, whatever a header says."""

_EPOCH_MS = 1e11
_EPOCH_S = 1e9
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|[smhd])[a-z]*\.?[\s,]*", re.IGNORECASE
)
_PER_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_FIELD = re.compile(r"(?:x-|anthropic-)?ratelimit-(.{1,60})")
_KINDS = frozenset({"limit", "remaining", "reset"})
_POLICY = re.compile(r"(\d{1,12})\s*;\s*w=(\d{1,9})")
_LONGEST_VALUE = 200


class Told(NamedTuple):
    """A window of the provider's, as far as it told it; None where it did not.

    `left` may still be asked for until `reset_s` seconds from the answer.
    """

    measure: Measure
    most: int | None = None
    per_s: float | None = None
    left: int | None = None
    reset_s: float | None = None


def told_by(headers: Mapping[str, str], *, unix_s: float) -> tuple[Told, ...]:
    """Return the windows that headers tell of; names in small letters.

    `unix_s` is the time of day, for those that tell a moment.
    """
    found: dict[str, dict[str, str]] = {}
    for name, value in headers.items():
        field = _FIELD.fullmatch(name)
        parts = field[1].split("-") if field else []
        kinds = _KINDS.intersection(parts)
        if len(kinds) == 1 and len(value) <= _LONGEST_VALUE:
            (kind,) = kinds
            subject = "-".join(part for part in parts if part != kind)
            found.setdefault(subject, {})[kind] = value
    policy = _POLICY.search(headers.get("ratelimit-policy", "")[:_LONGEST_VALUE])
    return tuple(
        _told(subject, fields, policy if not subject else None, unix_s)
        for subject, fields in found.items()
    )


def wait_told(headers: Mapping[str, str], *, unix_s: float) -> float | None:
    """Return the seconds that Retry-After asks for, None if it is not there."""
    if (in_ms := _number(headers.get("retry-after-ms", ""))) is not None:
        return _bounded(in_ms / 1000)
    value = headers.get("retry-after", "").strip()[:_LONGEST_VALUE]
    if not value:
        return None
    if (seconds := _number(value)) is not None:
        return _bounded(seconds)
    until_s = _date(value)
    sent_s = _date(headers.get("date", "")[:_LONGEST_VALUE])
    if until_s is None:
        return None
    return _bounded(until_s - (unix_s if sent_s is None else sent_s))


def duration_s(text: str) -> float | None:
    """Return the seconds of `6m0s`, `1.5 seconds`, `2 hours`; None if it is none."""
    at, total = 0, 0.0
    while part := _PART.match(text, at):
        total += float(part[1]) * _SECONDS[part[2].lower()]
        at = part.end()
    return _bounded(total) if at else None


def _told(
    subject: str, fields: Mapping[str, str], policy: re.Match[str] | None, unix_s: float
) -> Told:
    words = subject.split("-")
    per_s = next((_PER_S[word] for word in words if word in _PER_S), None)
    most = _count(fields.get("limit"))
    if policy is not None:
        most, per_s = int(policy[1]), float(policy[2])
    is_tokens = any(word.startswith("token") for word in words)
    return Told(
        Measure.TOKENS if is_tokens else Measure.REQUESTS,
        most=most or None,
        per_s=per_s or None,
        left=_count(fields.get("remaining")),
        reset_s=_reset(fields.get("reset", ""), unix_s),
    )


def _reset(value: str, unix_s: float) -> float | None:
    number = _number(value)
    if number is None:
        known_s = duration_s(value)
        until_s = _date(value) if known_s is None else None
        return known_s if until_s is None else _bounded(until_s - unix_s)
    if number >= _EPOCH_MS:
        return _bounded(number / 1000 - unix_s)
    return _bounded(number - unix_s if number >= _EPOCH_S else number)


def _count(value: str | None) -> int | None:
    number = _number((value or "").replace(",", "").split(";")[0])
    return None if number is None else max(0, int(min(number, 1e15)))


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(value: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value.strip())
            return moment.timestamp() if moment.tzinfo is not None else None
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_S)
