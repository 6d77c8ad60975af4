"""Whatever comes, a provider never sees its known limits passed, and nobody starves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.gate_keepers import POOL, GateKeeper
from fakes.limited_provider import Call, Crowd, Played, Provider, Rate, Step
from kimi_swarm.core.gate import Admit, Gate, Wanted
from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.rate_reply import FINE
from kimi_swarm.core.window import Measure, Window

few = settings(max_examples=40)  # each is a whole job of many requests

CALL = st.builds(
    lambda asked, share, service_s, pause_s: Call(
        int(asked * share), service_s, min(service_s, 0.5), pause_s, asked
    ),
    asked=st.integers(1, 400),
    share=st.floats(0.1, 1.0),
    service_s=st.sampled_from([0.1, 1.0, 7.0, 40.0]),
    pause_s=st.sampled_from([0.0, 0.3, 5.0]),
)
JOBS = st.lists(
    st.tuples(st.sampled_from([0.0, 3.0]), st.lists(CALL, min_size=1, max_size=8)),
    min_size=1,
    max_size=8,
)
RATE = st.builds(
    Rate,
    most=st.integers(1, 6),
    per_s=st.sampled_from([1.0, 60.0, 600.0]),
    is_fixed=st.booleans(),
    of_tokens=st.just(False),
    phase_s=st.floats(0.0, 60.0),
    counts_asked=st.just(False),
)
TOKEN_RATE = st.builds(
    Rate,
    most=st.integers(400, 2000),
    per_s=st.sampled_from([1.0, 60.0]),
    is_fixed=st.booleans(),
    of_tokens=st.just(True),
    phase_s=st.floats(0.0, 60.0),
    counts_asked=st.booleans(),
)


class Known(NamedTuple):
    """A provider's limits, and the same as somebody told them to us."""

    at_once: int | None
    rates: tuple[Rate, ...]

    def provider(self, words: str = "bare") -> Provider:
        steps = () if self.at_once is None else (Step(0.0, self.at_once),)
        return Provider(steps, self.rates, words)

    def limits(self) -> PoolLimits:
        windows = tuple(
            Window(
                Measure.TOKENS if rate.of_tokens else Measure.REQUESTS,
                rate.most,
                rate.per_s,
                rate.counts_asked,
            )
            for rate in self.rates
        )
        return PoolLimits(self.at_once, windows)


KNOWN = st.builds(
    lambda at_once, rates, tokens: Known(at_once, (*rates, *tokens)),
    st.none() | st.integers(1, 4),
    st.lists(RATE, max_size=2, unique_by=lambda rate: rate.per_s),
    st.lists(TOKEN_RATE, max_size=1),
)
Jobs = list[tuple[float, list[Call]]]


def play(provider: Provider, jobs: Jobs, keeper: GateKeeper) -> Played:
    return Crowd(provider, jobs, seed=1).run(keeper)


@given(known=KNOWN, jobs=JOBS)
@few
def test_limits_that_are_known_are_never_passed(known: Known, jobs: Jobs):
    provider = known.provider()
    played = play(provider, jobs, GateKeeper(known.limits()))
    assert (played.refusals, provider.is_overfull) == (0, False)


WORDS = st.sampled_from(["bare", "retry-after", "retry-after 0", "moonshot"])


@given(known=KNOWN, jobs=JOBS, words=WORDS)
@few
def test_limits_that_nobody_told_are_found_with_few_refusals(
    known: Known, jobs: Jobs, words: str
):
    requests_only = known._replace(rates=known.rates[:1])
    played = play(requests_only.provider(words), jobs, GateKeeper(PoolLimits()))
    assert played.refusals <= 10 + played.requests + played.took_s / 15


class Watched(GateKeeper):
    """Notes who was served while others waited."""

    def __init__(
        self, limits: PoolLimits, served: Callable[[str, set[str]], None]
    ) -> None:
        super().__init__(limits)
        self._served = served

    def turn(self, at_s: float) -> tuple[list[str], float | None]:
        sent, look_again_at_s = super().turn(at_s)
        waiting = {wanted.session for wanted in self.gate.line}
        for request in sent:
            self._served(request.partition("/")[0], waiting)
        return sent, look_again_at_s


@given(at_once=st.integers(1, 3), jobs=JOBS)
@few
def test_no_session_is_served_twice_while_another_that_has_begun_waits(
    at_once: int, jobs: Jobs
):
    begun: set[str] = set()
    passed_by: dict[str, set[str]] = {}

    def served(session: str, waiting: set[str]) -> None:
        passed_by.pop(session, None)
        for other in waiting & begun - {session}:
            passed = passed_by.setdefault(other, set())
            assert session not in passed, f"{session} passed {other} twice"
            passed.add(session)
        begun.add(session)

    known = Known(at_once, ())
    play(known.provider(), jobs, Watched(known.limits(), served))


@given(
    pauses_s=st.lists(st.sampled_from([0.0, 0.4, 7.0, 31.0]), min_size=1, max_size=60),
    restarts=st.sets(st.integers(0, 59)),
    away_s=st.sampled_from([0.0, 5.0, 100.0]),
)
@few
def test_a_window_is_kept_over_any_restarts(
    pauses_s: list[float], restarts: set[int], away_s: float
):
    window = Window(Measure.REQUESTS, 3, 60.0)
    gate = Gate({POOL: PoolLimits(windows=(window,))})
    at_s, began_s, sent_s = 0.0, 0.0, list[float]()
    for number, pause_s in enumerate(pauses_s):
        at_s += pause_s
        if number in restarts:
            kept = json.loads(json.dumps(gate.to_data(at_s - began_s), allow_nan=False))
            gate = Gate({POOL: PoolLimits(windows=(window,))})
            at_s += away_s
            began_s = at_s - 1000.0  # another clock
            gate.load(kept, at_s=1000.0, away_s=away_s)
        now_s = at_s - began_s
        if gate.ask(Wanted(str(number), "s", (POOL,)), at_s=now_s) == Admit(
            str(number)
        ):
            sent_s.append(at_s)
            gate.answered(str(number), FINE, at_s=now_s)
            gate.ended(str(number), tokens=None, at_s=now_s)
        else:
            gate.withdraw(str(number))
    for first_s, fourth_s in zip(sent_s, sent_s[3:], strict=False):
        assert fourth_s - first_s >= 60.0
