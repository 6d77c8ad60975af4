"""Sums of what sessions used, and how they are said in few words. Light.

What is unknown is counted, never taken for nothing: a sum is then a lower bound.
"""

from __future__ import annotations

from kimi_swarm.core.row import Row

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NANO = 1_000_000_000
_CENTS_FROM = NANO
_LEAST = NANO // 20_000
_THOUSAND = 1_000
_FIGURES = (
    *("model", "requests", "input_tokens", "cached_tokens"),
    *("output_tokens", "reasoning_tokens", "cost_usd"),
)
_ORIGINS = ("requests_from", "tokens_from", "cost_from")


class Totals(Row):
    """What sessions used together; those that are over by outcome, and those `live`.

    Cached tokens are part of the input, reasoning is not of the output. Tokens and
    money (billionths of a US dollar) are told apart by how they are known;
    `unknown_…` counts the sessions of which more was used than anybody can say.
    """

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    timed_out: int = 0
    lost: int = 0
    live: int = 0
    requests: int = 0
    unknown_requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    measured_tokens: int = 0
    told_tokens: int = 0
    estimated_tokens: int = 0
    unknown_tokens: int = 0
    measured_nano_usd: int = 0
    told_nano_usd: int = 0
    estimated_nano_usd: int = 0
    unknown_usd: int = 0
    retries: int = 0
    held_ms: int = 0

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return sum(self[:6])

    @property
    def tokens(self) -> int:
        """How many tokens are known of, in and out."""
        return self.input_tokens + self.output_tokens + self.reasoning_tokens

    @property
    def nano_usd(self) -> int:
        """How much money is known of, in billionths of a US dollar."""
        return self.measured_nano_usd + self.told_nano_usd + self.estimated_nano_usd

    @property
    def knows_requests(self) -> bool:
        """Whether anybody knows of any requests, or knows that there were none."""
        return self.requests > 0 or self._knows(self.unknown_requests)

    @property
    def knows_tokens(self) -> bool:
        """The same of tokens."""
        return self.tokens > 0 or self._knows(self.unknown_tokens)

    @property
    def knows_usd(self) -> bool:
        """The same of money."""
        return self.nano_usd > 0 or self._knows(self.unknown_usd)

    def _knows(self, unknown: int) -> bool:
        return not unknown or unknown < self.sessions

    def plus(self, other: Totals) -> Totals:
        """Return both together."""
        return Totals._make(map(int.__add__, self, other))

    def minus(self, other: Totals) -> Totals:
        """Return the rest of what `other` is a part of."""
        return Totals._make(map(int.__sub__, self, other))


NOTHING = Totals()


def used_words(totals: Totals) -> str:
    """Say tokens and money in a few words; "" where no worker ever started.

    `12.4k tokens, about $0.0120`; "about" stands for estimates.
    """
    if totals == NOTHING or not (
        totals.tokens or totals.nano_usd or totals.unknown_tokens or totals.unknown_usd
    ):
        return ""
    if not totals.knows_tokens and not totals.knows_usd:
        return "cost unknown"
    if totals.tokens and totals.nano_usd and totals.unknown_tokens:
        # Said once for both, where every character counts.
        money = usd_words(totals).removeprefix("at least ")
        return f"at least {short(totals.tokens)} tokens and {money}"
    return f"{_tokens_words(totals)}, {usd_words(totals)}"


def _tokens_words(totals: Totals) -> str:
    if not totals.unknown_tokens:
        about = "about " if totals.estimated_tokens else ""
        return f"{about}{short(totals.tokens)} tokens"
    known = totals.knows_tokens
    return f"at least {short(totals.tokens)} tokens" if known else "tokens unknown"


def usd_words(totals: Totals) -> str:
    """Say money: `$0.50`, `about $0.50`, `at least $0.50 (3 unknown)`."""
    amount = dollars(totals.nano_usd)
    if totals.unknown_usd:
        count = f"({totals.unknown_usd} unknown)"
        return f"at least {amount} {count}" if totals.knows_usd else "cost unknown"
    return f"about {amount}" if totals.estimated_nano_usd else amount


def usage_told(
    usage: Mapping[str, Any] | None, *, has_run: bool
) -> Mapping[str, Any] | None:
    """Return a session's usage as it is told.

    None where no worker ever ran, or one still does; where one ran and nobody says
    anything, a record that is unknown throughout.
    """
    if usage or not has_run:
        return usage
    return {**dict.fromkeys(_FIGURES), **dict.fromkeys(_ORIGINS, "unknown")}


def dollars(nano_usd: int) -> str:
    """Write money: `$12.30` from a dollar on, `$0.0123` below, `$0`."""
    if nano_usd >= _CENTS_FROM:
        return f"${nano_usd / NANO:,.2f}"
    if nano_usd >= _LEAST:
        return f"${nano_usd / NANO:.4f}"
    return "under $0.0001" if nano_usd else "$0"


def short(count: int) -> str:
    """Write a number in at most six characters: `999`, `12.4k`, `3.1M`."""
    if count < _THOUSAND:
        return str(count)
    value = float(count)
    for unit in "kMG":
        value /= _THOUSAND
        if round(value, 1) < _THOUSAND or unit == "G":
            break
    return f"{value:.1f}{unit}"
