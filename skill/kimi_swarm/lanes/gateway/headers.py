"""What goes from one connection to the next, and what belongs to one alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kimi_swarm.core.rate_headers import wait_told

Pairs = list[tuple[str, str]]

# RFC 9110, 7.6.1: these speak of one connection only.
_ONE_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "transfer-encoding"),
        *("te", "trailer", "upgrade", "proxy-authenticate", "proxy-authorization"),
    )
)
_KEYS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
# Named anew: where it goes to, how long it is, and how it may come back. What comes
# back must be readable on its way; a body that came packed was unpacked on its way in.
_OURS = frozenset(
    ("host", "content-length", "expect", "accept-encoding", "content-encoding")
)
_BEARER = "bearer "
_WAITS = ("retry-after", "retry-after-ms")
LONGEST_WAIT_S = 60.0
"""A program that is told to wait longer sleeps on past its own task's time limit."""


def token_in(headers: Mapping[str, str]) -> str:
    """Return the key that a request brings, wherever its kind of client puts it.

    `headers` finds names in any case.
    """
    for name in _KEYS:
        value = headers.get(name, "").strip()
        if value:
            is_bearer = value[: len(_BEARER)].lower() == _BEARER
            return value[len(_BEARER) :].strip() if is_bearer else value
    return ""


def upward(headers: Iterable[tuple[str, str]], key: str | None) -> Pairs:
    """Return a worker's headers for its provider, the real key in the token's place."""
    pairs = list(headers)
    left_out = _ONE_HOP | _OURS | _named_by_connection(pairs)
    sent: Pairs = [("Accept-Encoding", "identity")]
    for name, value in pairs:
        lower = name.lower()
        if lower in _KEYS:
            sent += [] if key is None else [(name, _with_key(value, key))]
        elif lower not in left_out:
            sent.append((name, value))
    return sent


def downward(
    headers: Iterable[tuple[str, str]], *, keeps_length: bool, unix_s: float
) -> Pairs:
    """Return a provider's headers for the worker, at this time of day.

    No wait is told that is longer than LONGEST_WAIT_S.
    """
    pairs = _waiting_shortly(list(headers), unix_s)
    left_out = _ONE_HOP | _named_by_connection(pairs)
    if not keeps_length:
        left_out |= {"content-length"}
    return [(name, value) for name, value in pairs if name.lower() not in left_out]


def _waiting_shortly(pairs: Pairs, unix_s: float) -> Pairs:
    told = {name.lower(): value for name, value in pairs}
    wait_s = wait_told(told, unix_s=unix_s)
    if wait_s is None or wait_s <= LONGEST_WAIT_S:
        return pairs
    kept = [(name, value) for name, value in pairs if name.lower() not in _WAITS]
    return [*kept, ("Retry-After", f"{LONGEST_WAIT_S:.0f}")]


def _with_key(value: str, key: str) -> str:
    is_bearer = value.strip()[: len(_BEARER)].lower() == _BEARER
    return f"Bearer {key}" if is_bearer else key


def _named_by_connection(pairs: Pairs) -> frozenset[str]:
    return frozenset(
        word.strip().lower()
        for name, value in pairs
        if name.lower() == "connection"
        for word in value.split(",")
    )
