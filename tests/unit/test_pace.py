from __future__ import annotations

import json

import pytest

from kimi_swarm.core.pace import (
    LONGEST_PATIENCE_S,
    LONGEST_REST_S,
    RESTLESS_PATIENCE_S,
    Flight,
    Pace,
)
from kimi_swarm.core.pool import Pool, PoolLimits
from kimi_swarm.core.rate_headers import Told
from kimi_swarm.core.rate_reply import FINE, Reply, ReplyKind
from kimi_swarm.core.window import NEVER, Measure

LIMITED = Reply(ReplyKind.RATE_LIMIT, wait_s=1.0)


def full(count: int, **limits: int) -> Pool:
    """A pool with so many requests on their way, sent at 0 s."""
    pool = Pool("p", PoolLimits(start=limits.get("start", count)))
    for number in range(count):
        pool.send(str(number), 10, 0.0)
    return pool


def refuse(pool: Pool, requests: range, at_s: float, reply: Reply = LIMITED) -> None:
    for number in requests:
        pool.answered(str(number), reply, at_s)
        pool.ended(str(number), 0, at_s)


def test_a_burst_of_refusals_leaves_what_is_served_and_counts_once():
    pool = full(13)
    refuse(pool, range(10), 1.0)
    assert (pool.pace.width, pool.pace.struck_s) == (3.0, 1.0)


def test_a_burst_of_refusals_is_no_rate_that_was_met_three_times():
    pool = full(30)
    for number in range(20, 30):
        pool.answered(str(number), FINE, 0.5)
    for number in range(5):
        refuse(pool, range(number, number + 1), 1.0 + number / 10)
    assert pool.pace.struck_s == 1.0
    assert pool.bounds.fits_at(10, 3.0) == 3.0


def test_it_shrinks_to_one_at_once_when_one_is_served():
    pool = full(5)
    refuse(pool, range(4), 1.0)
    assert pool.fits_at(10, 3.0) == NEVER
    pool.answered("4", FINE, 4.0)
    pool.ended("4", 10, 4.0)
    assert pool.fits_at(10, 4.0) == 4.0
    pool.send("again", 10, 4.0)
    assert pool.fits_at(10, 4.0) == NEVER


def test_it_grows_again_by_one_after_quiet_and_only_if_more_is_wanted():
    pool = full(3)
    refuse(pool, range(1), 0.5)
    at_s = 1.0
    for name in ("1", "2"):
        pool.ended(name, 10, at_s)
    widths = []
    for number in range(10):
        at_s += 2.0
        for place in range(2):
            pool.send(f"{number}.{place}", 10, at_s)
        pool.fits_at(10, at_s + 0.5)  # somebody waits
        for place in range(2):
            pool.answered(f"{number}.{place}", FINE, at_s + 1.0)
            pool.ended(f"{number}.{place}", 10, at_s + 1.0)
        widths.append(pool.pace.width)
    assert widths[0] == 2.0
    assert widths[-1] == 3.0  # two on their way never fill three


def test_a_told_wait_is_kept_by_everyone():
    pool = full(5)
    refuse(pool, range(1), 1.0, LIMITED._replace(wait_s=30.0))
    for number in range(1, 5):
        pool.answered(str(number), FINE, 1.5)
        pool.ended(str(number), 10, 1.5)
    assert pool.fits_at(10, 2.0) == 31.0


def test_until_something_is_accepted_one_request_at_a_time_asks():
    pool = full(5)
    refuse(pool, range(5), 1.0)
    pool.send("asks", 10, 2.0)
    assert pool.fits_at(10, 2.0) == NEVER
    pool.answered("asks", FINE, 2.5)
    assert pool.fits_at(10, 2.5) == 2.5


def test_who_is_refused_alone_was_too_early_not_too_many():
    pool = full(10)
    refuse(pool, range(10), 1.0)
    pool.send("asks", 10, 2.0)
    pool.answered("asks", FINE, 2.5)
    assert pool.pace.width == 7.0


def strike(pace: Pace, at_s: float) -> float:
    """Refuse one of a pace, end the refusing at once; return its patience then."""
    pace.struck(Flight(at_s, 1), at_s, others=3, is_rate=False)
    pace.accepted(Flight(at_s, 1), at_s)
    return pace.patience_s


def test_growing_in_vain_makes_patient_but_less_so_where_the_provider_changes():
    steady, changing = Pace(width=9.0), Pace(width=9.0)
    strike(steady, 0.0)
    strike(changing, 0.0)
    strike(changing, 100.0)  # without having grown: it bears less than before
    for number in range(1, 9):
        at_s = 100.0 + 20.0 * number
        for pace in (steady, changing):
            pace.grown_s = at_s
            strike(pace, at_s)
    assert steady.patience_s == LONGEST_PATIENCE_S
    assert changing.patience_s == RESTLESS_PATIENCE_S


def test_waits_that_nobody_told_grow_and_have_an_end():
    pace = Pace(width=1.0)
    at_s, rests_s = 0.0, []
    for _ in range(20):
        pace.struck(Flight(at_s, 1), at_s, others=0, is_rate=False)
        pace.rest(at_s, None)
        rests_s.append(pace.rests_until(at_s) - at_s)
        at_s = pace.rests_until(at_s)
    assert rests_s[0] == 1.0
    assert rests_s == sorted(rests_s)
    assert rests_s[-1] == LONGEST_REST_S


def test_a_told_number_at_once_is_kept_to_and_not_tried_beyond():
    pool = full(5)
    refuse(pool, range(1), 1.0, LIMITED._replace(concurrency=2))
    for number in range(1, 5):
        pool.answered(str(number), FINE, 2.0)
        pool.ended(str(number), 10, 2.0)
    pool.pace.width = 50.0
    pool.send("a", 10, 3.0)
    pool.send("b", 10, 3.0)
    assert pool.fits_at(10, 3.0) == NEVER


def test_a_told_rate_is_kept_from_then_on():
    pool = full(3)
    told = (Told(Measure.REQUESTS, most=3, per_s=60.0),)
    refuse(pool, range(1), 1.0, LIMITED._replace(told=told))
    for number in (1, 2):
        pool.answered(str(number), FINE, 1.0)
        pool.ended(str(number), 10, 1.0)
    assert 61.0 <= pool.fits_at(10, 5.0) <= 61.3


def test_what_a_header_says_is_left_is_all_that_is_sent_until_it_resets():
    pool = full(1, start=9)
    left = (Told(Measure.REQUESTS, left=1, reset_s=50.0),)
    pool.answered("0", FINE._replace(told=left), 1.0)
    pool.send("last", 10, 2.0)
    assert pool.fits_at(10, 2.0) == 51.0


def test_a_wrong_key_neither_shrinks_nor_closes_a_pool():
    pool = full(5)
    refuse(pool, range(5), 1.0, Reply(ReplyKind.REFUSED))
    assert pool.fits_at(10, 1.0) == 1.0
    assert pool.closed_at(1.0) is None


@pytest.mark.parametrize("at_s", [0.0, 1e9])
def test_what_was_learnt_outlives_a_restart(at_s: float):
    pool = full(5)
    refuse(pool, range(3), 1.0, LIMITED._replace(wait_s=30.0, concurrency=2))
    kept = json.loads(json.dumps(pool.to_data(11.0), allow_nan=False))
    again = Pool("p", PoolLimits())
    again.load(kept, at_s=at_s)
    assert again.pace.width == 2.0
    assert again.fits_at(10, at_s) == pytest.approx(at_s + 20.0)
