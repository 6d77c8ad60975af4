"""Providers and crowds for `python -m bench limits`: generated with fixed seeds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from fakes.limited_provider import Call, Provider, Rate, Step

Jobs = Sequence[tuple[float, Sequence[Call]]]


class Trace(NamedTuple):
    """A provider's limits over time, and a crowd that comes to it."""

    name: str
    steps: tuple[Step, ...] = ()
    rates: tuple[Rate, ...] = ()
    words: str = "bare"
    sessions: int = 20
    calls: int = 15
    service_s: float = 5.0
    gap_s: float = 0.0
    bursts: int = 1
    streams: bool = True

    def provider(self) -> Provider:
        """Make the provider anew."""
        return Provider(self.steps, self.rates, self.words)

    def jobs(self) -> Jobs:
        """Make the crowd's calls, the same each time."""
        rng = random.Random(self.name)  # noqa: S311 a simulation, no secret
        return [
            (
                self.gap_s * (number * self.bursts // self.sessions),
                [self._call(rng) for _ in range(self.calls)],
            )
            for number in range(self.sessions)
        ]

    def _call(self, rng: random.Random) -> Call:
        service_s = min(rng.lognormvariate(0.0, 0.5) * self.service_s, 120.0)
        first_s = min(service_s, rng.uniform(0.3, 1.0)) if self.streams else service_s
        tokens = rng.randint(500, 3000)
        return Call(tokens, service_s, first_s, rng.uniform(0.0, 1.5), 4000)


def _steady(at_once: int) -> tuple[Step, ...]:
    return (Step(0.0, at_once),)


def _tenant(total: int, other: int, every_s: float) -> tuple[Step, ...]:
    """Let another tenant come and go, who takes `other` of the places."""
    return tuple(
        Step(number * every_s, total - other * (number % 2)) for number in range(60)
    )


def _walk(seed: int, highest: int, every_s: float) -> tuple[Step, ...]:
    """Let what a crowd of other tenants leaves for us wander."""
    rng = random.Random(seed)  # noqa: S311 a simulation, no secret
    width, found = highest / 2, []
    for number in range(120):
        width = min(max(1.0, width + rng.uniform(-2.0, 2.0)), highest)
        found.append(Step(number * every_s, int(width)))
    return tuple(found)


def _rpm(most: int, *, is_fixed: bool = False) -> tuple[Rate, ...]:
    return (Rate(most, 60.0, is_fixed, phase_s=17.0),)


TRACES = (
    Trace("steady, 1 at once, moonshot", _steady(1), words="moonshot", calls=8),
    Trace("steady, 1 at once, bare", _steady(1), calls=8),
    Trace("steady, 3 at once, retry-after", _steady(3), words="retry-after"),
    Trace("steady, 3 at once, retry-after 0", _steady(3), words="retry-after 0"),
    Trace("steady, 3 at once, bare", _steady(3)),
    Trace("steady, 10 at once, bare", _steady(10), sessions=40),
    Trace("steady, 50 at once, bare", _steady(50), sessions=100, calls=30),
    Trace("no limit at all", sessions=60, calls=30),
    Trace("30 a minute sliding, moonshot", rates=_rpm(30), words="moonshot"),
    Trace("30 a minute sliding, bare", rates=_rpm(30)),
    Trace(
        "30 a minute sliding, retry-after 0",
        rates=_rpm(30),
        words="retry-after 0",
    ),
    Trace(
        "30 a minute fixed, retry-after",
        rates=_rpm(30, is_fixed=True),
        words="retry-after",
    ),
    Trace("30 a minute fixed, bare", rates=_rpm(30, is_fixed=True)),
    Trace(
        "200 a minute fixed, headers",
        rates=_rpm(200, is_fixed=True),
        words="headers",
        sessions=60,
        calls=30,
    ),
    Trace("200 a minute sliding, bare", rates=_rpm(200), sessions=60, calls=30),
    Trace(
        "tier 0: 1 at once, 3 a minute, moonshot",
        _steady(1),
        _rpm(3),
        "moonshot",
        sessions=6,
        calls=10,
    ),
    Trace("3 at once, 30 a minute, moonshot", _steady(3), _rpm(30), "moonshot"),
    Trace(
        "200 an hour, retry-after",
        rates=(Rate(200, 3600.0, is_fixed=True),),
        words="retry-after",
        calls=20,
    ),
    Trace("falls from 10 to 3, bare", (Step(0, 10), Step(120, 3)), sessions=30),
    Trace(
        "falls from 20 to 2, retry-after",
        (Step(0, 20), Step(90, 2)),
        words="retry-after",
        sessions=30,
    ),
    Trace(
        "rises from 3 to 12, bare", (Step(0, 3), Step(150, 12)), sessions=30, calls=30
    ),
    Trace("two tenants, 10 or 4, bare", _tenant(10, 6, 90.0), sessions=30, calls=20),
    Trace(
        "two tenants, 8 or 2, moonshot",
        _tenant(8, 6, 60.0),
        words="moonshot",
        sessions=30,
    ),
    Trace("many tenants, up to 12, bare", _walk(3, 12, 20.0), sessions=30, calls=20),
    Trace(
        "many tenants, up to 20, retry-after",
        _walk(5, 20, 15.0),
        words="retry-after",
        sessions=40,
        calls=20,
    ),
    Trace(
        "bursts on 4 at once, bare",
        _steady(4),
        sessions=30,
        calls=8,
        bursts=3,
        gap_s=200.0,
    ),
    Trace(
        "bursts on 60 a minute, retry-after",
        rates=_rpm(60),
        words="retry-after",
        sessions=30,
        calls=10,
        bursts=3,
        gap_s=150.0,
    ),
    Trace("whole answers, 5 at once, bare", _steady(5), streams=False),
    Trace(
        "whole answers, 8 then 3, retry-after",
        (Step(0, 8), Step(100, 3)),
        words="retry-after",
        streams=False,
    ),
    Trace("slow answers, 6 at once, bare", _steady(6), service_s=30.0, calls=8),
)


def _otherwise(trace: Trace) -> Trace:
    """Change a trace's calls, and the moments at which its limits change."""
    return trace._replace(
        name=f"{trace.name}, otherwise",
        steps=tuple(Step(step.from_s * 1.37, step.at_once) for step in trace.steps),
        rates=tuple(rate._replace(phase_s=41.0) for rate in trace.rates),
    )


HELD_OUT = tuple(_otherwise(trace) for trace in TRACES)
"""The gate's constants were chosen on the others, without a look at these."""
