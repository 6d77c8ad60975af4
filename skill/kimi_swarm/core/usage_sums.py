"""A session's usage folded: to one record, or into sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from kimi_swarm.core.totals import NANO, Totals
from kimi_swarm.core.usage import Origin, Part, Tokens, nano


class By(StrEnum):
    """What usage can be told apart by."""

    RUN = "run"
    PROFILE = "profile"
    MODEL = "model"
    DAY = "day"


def counted(part: Part) -> Totals:
    """Return one part as a sum, without the session that it belongs to."""
    tokens, usd = part.tokens, {part.usd_from: part.nano_usd}
    known = {part.tokens_from: tokens.total}
    return Totals(
        requests=part.requests,
        input_tokens=tokens.input,
        cached_tokens=tokens.cached,
        output_tokens=tokens.output,
        reasoning_tokens=tokens.reasoning,
        measured_tokens=known.get(Origin.MEASURED, 0),
        told_tokens=known.get(Origin.TOLD, 0),
        estimated_tokens=known.get(Origin.ESTIMATED, 0),
        unknown_requests=int(part.requests_from is Origin.UNKNOWN),
        unknown_tokens=int(part.tokens_from is Origin.UNKNOWN),
        unknown_usd=int(part.usd_from is Origin.UNKNOWN),
        measured_nano_usd=usd.get(Origin.MEASURED, 0),
        told_nano_usd=usd.get(Origin.TOLD, 0),
        estimated_nano_usd=usd.get(Origin.ESTIMATED, 0),
        retries=part.retries,
        held_ms=part.held_ms,
    )


class Summary(NamedTuple):
    """A session's usage as one record: sums, None where nothing is known of them.

    Each `…_from` is that of the least sure part: with `unknown` there is more than is
    said. `model` is the one that took most tokens.
    """

    model: str | None
    requests: int | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    requests_from: str
    tokens_from: str
    cost_from: str


def summary_of(parts: Sequence[Part]) -> Summary | None:
    """Fold a session's parts to one record, None where nothing is known of it."""
    requests = [p.requests for p in parts if p.requests_from is not Origin.UNKNOWN]
    tokens = [p.tokens for p in parts if p.tokens_from is not Origin.UNKNOWN]
    costs = [p.nano_usd for p in parts if p.usd_from is not Origin.UNKNOWN]
    if not (requests or tokens or costs):
        return None
    counts = [sum(each) for each in zip(*tokens, strict=True)] or [None] * 4
    return Summary(
        model=next((part.model for part in parts if part.model), None),
        requests=sum(requests) if requests else None,
        input_tokens=counts[0],
        cached_tokens=counts[1],
        output_tokens=counts[2],
        reasoning_tokens=counts[3],
        cost_usd=sum(costs) / NANO if costs else None,
        requests_from=_least_sure([part.requests_from for part in parts]),
        tokens_from=_least_sure([part.tokens_from for part in parts]),
        cost_from=_least_sure([part.usd_from for part in parts]),
    )


def summed(usage: Mapping[str, Any]) -> Totals:
    """Return a session's usage, as its record holds it, as a sum.

    Records of earlier releases do not say how they are known: their workers told them.
    """
    counts = [usage.get(name) or 0 for name in Summary._fields[2:6]]
    known = Tokens(*counts).total
    cost_usd = usage.get("cost_usd")
    tokens_from = usage.get("tokens_from", Origin.TOLD)
    cost_from = usage.get("cost_from")
    if cost_from is None:
        cost_from = Origin.TOLD if cost_usd or not known else Origin.UNKNOWN
    cost = {Origin(cost_from): nano(cost_usd or 0.0)}
    return Totals(
        requests=usage.get("requests") or 0,
        input_tokens=counts[0],
        cached_tokens=counts[1],
        output_tokens=counts[2],
        reasoning_tokens=counts[3],
        estimated_tokens=known if tokens_from == Origin.ESTIMATED else 0,
        unknown_tokens=int(tokens_from == Origin.UNKNOWN),
        told_nano_usd=cost.get(Origin.TOLD, 0) + cost.get(Origin.UNKNOWN, 0),
        measured_nano_usd=cost.get(Origin.MEASURED, 0),
        estimated_nano_usd=cost.get(Origin.ESTIMATED, 0),
        unknown_usd=int(cost_from == Origin.UNKNOWN),
    )


def _least_sure(origins: Sequence[Origin]) -> str:
    order = list(Origin)
    return max(origins, key=order.index).value
