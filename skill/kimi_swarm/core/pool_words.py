"""What pools bear, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kimi_swarm.core.durations import seconds
from kimi_swarm.core.pool_rule import PoolRule
from kimi_swarm.core.window import Window

_UNITS = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour", 86_400.0: "a day"}


def bears(rule: PoolRule, *, per_session: bool = False) -> str:
    """Say what a pool bears, in a few words; empty where nothing is known.

    `per_session`: only what is kept where no request is seen.
    """
    limits = rule.limits
    parts = []
    if limits.concurrency is not None:
        parts.append(f"{limits.concurrency:,} at once")
    if not per_session:
        parts += [_window(window) for window in limits.windows]
        if limits.spacing_s:
            parts.append(f"requests {seconds(limits.spacing_s)} apart")
    if rule.start_spacing_s:
        parts.append(f"starts {seconds(rule.start_spacing_s)} apart")
    return ", ".join(parts)


def by_gateway(rules: Iterable[PoolRule], places: Iterable[str]) -> str:
    """Say that the gateway holds each request, and to what."""
    told = [f"{rule.name}: {known}" for rule in rules if (known := bears(rule))]
    found = "; ".join(told) or f"{', '.join(places)}, as it is found by trying"
    return f"held per request by the gateway ({found})."


def by_session(rules: Iterable[PoolRule]) -> str:
    """Say that only sessions are held, and to what."""
    found = [
        f"{rule.name}: {known}"
        for rule in rules
        if (known := bears(rule, per_session=True))
    ]
    told = f" ({'; '.join(found)})" if found else ""
    return f"held per session only{told}."


def _window(window: Window) -> str:
    unit = _UNITS.get(window.per_s, f"in {seconds(window.per_s)}")
    return f"{window.most:,} {window.measure} {unit}"
