from __future__ import annotations

from kimi_swarm.core.window import (
    LARGE,
    NEVER,
    UNBOUNDED,
    Count,
    Measure,
    Window,
)

TOKENS = Window(Measure.TOKENS, 100, 60.0)


def test_what_was_used_leaves_a_window_after_the_request_ended():
    count = Count(TOKENS)
    count.held += 80
    assert count.fits_at(30, 0.0) == NEVER
    count.held -= 80
    count.take(60, 10.0)
    assert count.fits_at(30, 10.0) == 10.0
    assert 70.0 <= count.fits_at(50, 10.0) <= 70.3


def test_more_than_a_window_takes_goes_alone():
    count = Count(TOKENS)
    assert count.fits_at(500, 0.0) == 0.0
    count.take(1, 0.0)
    assert count.fits_at(500, 0.0) >= 60.0


def test_a_learnt_bound_holds_for_its_time_only():
    count = Count(TOKENS)
    count.take(50, 0.0)
    count.learn(40, 30.0)
    assert count.fits_at(1, 1.0) >= 60.0
    assert count.fits_at(1, 30.0) == 30.0


def test_a_count_that_bounds_nothing_stays_small():
    count = Count(Window(Measure.REQUESTS, UNBOUNDED, 60.0))
    for number in range(100_000):
        count.take(1, float(number))
    assert len(count.to_data(100_000.0)["leaving"]) <= LARGE
