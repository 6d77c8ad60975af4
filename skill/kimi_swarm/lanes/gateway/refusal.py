"""What the gateway itself answers: in the shape that the provider's own errors have.

The statuses are chosen for what worker programs do on them: they give up at once on 401
and 403, and try again after 429 and 502.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from kimi_swarm.workers.provider_fault import BUDGET_MARK


class Refusal(NamedTuple):
    """An answer of ours: its status, what kind of error it is, and one sentence.

    `retry_after_s` is told in the header of that name.
    """

    status: int
    kind: str
    message: str
    retry_after_s: float | None = None


UNKNOWN_TOKEN = Refusal(
    401,
    "authentication_error",
    "kimi-swarm: this key is not one of a session that runs.",
)
NO_ROUTE = Refusal(
    404,
    "not_found_error",
    "kimi-swarm: this session has no provider at this address.",
)


def budget_gone(sentence: str) -> Refusal:
    """Return the refusal of a request that no budget is left for."""
    return Refusal(403, "budget_exceeded", f"{BUDGET_MARK} {sentence}")


def closed(reason: str, *, retry_after_s: float | None) -> Refusal:
    """Return the refusal of a request whose pool takes nothing, as its quota is gone.

    The reason is the provider's own words: by them a worker's program knows it.
    """
    return Refusal(402, "exceeded_current_quota_error", reason, retry_after_s)


def held_too_long(sentence: str, *, retry_after_s: float) -> Refusal:
    """Return the answer that lets a worker ask again, before it loses its patience."""
    return Refusal(429, "rate_limit_error", f"kimi-swarm: {sentence}", retry_after_s)


def not_reached(why: str) -> Refusal:
    """Return the answer where the provider could not be reached at all."""
    sentence = f"kimi-swarm: the provider could not be reached: {why}"
    return Refusal(502, "api_error", sentence)


def body_of(refusal: Refusal, path: str) -> bytes:
    """Return a refusal as the provider that serves a path would put it."""
    told = {"type": refusal.kind, "message": refusal.message}
    if path.partition("?")[0].endswith("/messages"):
        shaped: dict[str, object] = {"type": "error", "error": told}
    else:
        shaped = {"error": {**told, "param": None, "code": refusal.kind}}
    return json.dumps(shaped).encode()
