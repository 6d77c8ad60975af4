"""Waits stay as long as they were when the clock is set forth or back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.schedule import Busy as BusySession
from kimi_swarm.core.schedule import RunLimits, Snapshot, Start, Stop, Waiting, schedule
from kimi_swarm.core.steps import ClockSteps

HOUR_S = 3600.0


def look(at: float, *, ends_at: float | None = None) -> Snapshot:
    limits = RunLimits(concurrency=5, spacing_s=10.0, ends_at=ends_at)
    return Snapshot(at=at, waiting=[], busy=[], runs={"r": limits})


def waiting(at: float, *, ready_at: float = 0.0, last: float = 1000.0) -> Snapshot:
    one = Waiting("r/a", "r", "a", "demo", ready_at=ready_at)
    return replace(look(at), waiting=[one], last_start_at={"r": last})


def busy(at: float) -> Snapshot:
    return replace(look(at, ends_at=1600.0), busy=[BusySession("r/a", "r", "demo")])


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_run_has_its_time_whatever_the_clock_does(step_s: float):
    steps = ClockSteps()
    steps.corrected(busy(1000.0), steady_at=0.0)

    def decisions(after_s: float) -> tuple[object, ...]:
        seen = busy(1000.0 + step_s + after_s)
        return schedule(steps.corrected(seen, steady_at=after_s)).decisions

    assert decisions(590.0) == ()
    assert decisions(601.0) == (Stop("r/a", "run_time_limit"),)


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_starts_stay_apart_and_pauses_end_whatever_the_clock_does(step_s: float):
    steps = ClockSteps()
    steps.corrected(waiting(1000.0, ready_at=1020.0), steady_at=0.0)

    def decisions(after_s: float) -> tuple[object, ...]:
        seen = waiting(1000.0 + step_s + after_s, ready_at=1020.0)
        return schedule(steps.corrected(seen, steady_at=after_s)).decisions

    assert decisions(15.0) == ()
    assert decisions(21.0) == (Start("r/a"),)


def test_a_start_that_seems_yet_to_come_holds_up_the_next_no_longer_than_others():
    steps = ClockSteps()

    def decisions(after_s: float) -> tuple[object, ...]:
        seen = waiting(1000.0 + after_s, last=1000.0 + HOUR_S)
        return schedule(steps.corrected(seen, steady_at=after_s)).decisions

    assert decisions(0.0) == ()
    assert decisions(9.0) == ()
    assert decisions(11.0) == (Start("r/a"),)


def test_a_moment_from_after_the_step_is_not_moved():
    steps = ClockSteps()
    steps.corrected(look(1000.0), steady_at=0.0)
    after = look(1000.0 + HOUR_S, ends_at=1600.0 + HOUR_S)

    corrected = steps.corrected(after, steady_at=1.0)

    assert corrected.runs["r"].ends_at == 1600.0 + HOUR_S


@given(st.lists(st.floats(-1.9, 1.9), max_size=20))
def test_without_a_step_nothing_is_moved(drifts: list[float]):
    steps = ClockSteps()
    for number, drift in enumerate([0.0, *drifts]):
        seen = look(1000.0 + number + drift, ends_at=1600.0)
        assert steps.corrected(seen, steady_at=float(number)) == seen
