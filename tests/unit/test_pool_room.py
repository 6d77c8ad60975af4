"""How many sessions begin on the pools that they draw on."""

from __future__ import annotations

from collections.abc import Mapping

from kimi_swarm.core.pool import Pool, PoolLimits
from kimi_swarm.core.pool_room import PoolRoom, lasting
from kimi_swarm.core.rate_reply import FINE, Reply, ReplyKind
from kimi_swarm.core.schedule import (
    Agenda,
    Busy,
    Cancel,
    RunLimits,
    Snapshot,
    Start,
    Waiting,
    schedule,
)
from kimi_swarm.core.window import Measure, Window

AT = 1000.0


def agenda(rooms: Mapping[str, PoolRoom], *, busy: int = 0, at: float = AT) -> Agenda:
    return schedule(
        Snapshot(
            at=at,
            waiting=[Waiting(f"r/w{n}", "r", f"w{n}", "kimi") for n in range(4)]
            + [Waiting("r/other", "r", "other", "kilo")],
            busy=[Busy(f"r/b{n}", "r", "kimi") for n in range(busy)],
            runs={"r": RunLimits(concurrency=20)},
            pools=rooms,
            draws={("r", "kimi"): ("moon", "all"), ("r", "kilo"): ("free",)},
        )
    )


def started(found: Agenda) -> list[str]:
    return [one.session for one in found.decisions if isinstance(one, Start)]


def test_a_pool_gets_no_more_sessions_than_it_feeds():
    assert started(agenda({"moon": PoolRoom(feeds=2)})) == ["r/w0", "r/w1", "r/other"]
    assert started(agenda({"moon": PoolRoom(feeds=2)}, busy=1)) == ["r/w0", "r/other"]
    assert started(agenda({"moon": PoolRoom(feeds=1)}, busy=2)) == ["r/other"]


def test_of_what_nobody_knows_no_session_is_held_up():
    assert len(started(agenda({}))) == 5
    assert len(started(agenda({"moon": PoolRoom()}))) == 5


def test_the_narrowest_of_its_pools_counts():
    rooms = {"moon": PoolRoom(feeds=3), "all": PoolRoom(feeds=1)}
    assert started(agenda(rooms)) == ["r/w0", "r/other"]


def test_a_closed_pool_ends_what_waits_for_it_and_nothing_else():
    found = agenda({"moon": PoolRoom(closed="All is used up.")}, busy=1)
    assert started(found) == ["r/other"]
    cancelled = [one for one in found.decisions if isinstance(one, Cancel)]
    assert cancelled == [
        Cancel(f"r/w{n}", "quota", "All is used up.") for n in range(4)
    ]


def test_a_pool_that_opens_again_soon_is_waited_for():
    soon = PoolRoom(closed="Used up.", closed_until_at=AT + 600)
    found = agenda({"moon": soon})
    assert started(found) == ["r/other"]
    assert len(found.decisions) == 1
    assert found.look_again_at == AT + 600
    assert len(started(agenda({"moon": soon}, at=AT + 600))) == 5


def test_a_pool_that_opens_again_late_is_a_matter_for_a_person():
    late = PoolRoom(closed="Used up.", closed_until_at=AT + 86_400)
    kinds = [type(one) for one in agenda({"moon": late}).decisions]
    assert kinds == [Cancel] * 4 + [Start]


def test_nobody_begins_where_nothing_is_sent_for_long():
    found = agenda({"moon": PoolRoom(rests_until_at=AT + 1000)})
    assert started(found) == ["r/other"]
    assert found.look_again_at == AT + 100
    soon = agenda({"moon": PoolRoom(rests_until_at=AT + 1000)}, at=AT + 100)
    assert (started(soon), soon.look_again_at) == (["r/other"], AT + 940)
    assert len(started(agenda({"moon": PoolRoom(rests_until_at=AT + 30)}))) == 5


def test_a_run_of_which_nothing_is_sent_for_long_is_held_with_the_provider_s_words():
    rests = PoolRoom(rests_until_at=AT + 1000, refusal='"Slow" down.')
    found = agenda({"moon": rests, "free": rests})
    words = (
        "pool moon sends nothing until 00:33 UTC; the provider says: \"'Slow' down\""
    )
    assert found.held == {"r": (words, AT + 100)}
    assert started(found) == []
    # As long as others of the run start, or if it is over soon, nobody need know.
    assert agenda({"moon": rests}).held == {}
    soon = rests._replace(rests_until_at=AT + 800)
    assert agenda({"moon": soon, "free": soon}).held == {}


def test_rests_and_closures_outlast_what_tells_of_them():
    rooms = {
        "moon": PoolRoom(feeds=1, rests_until_at=AT + 3000),
        "free": PoolRoom(closed="Used up."),
    }
    assert started(agenda(lasting(rooms), at=AT + 600)) == []
    assert len(started(agenda(lasting({"moon": PoolRoom(feeds=1)})))) == 5


def refuse(pool: Pool, *, concurrency: int | None, at_s: float = 0.0) -> None:
    for name in ("a", "b", "c"):
        pool.send(name, 0, at_s)
    reply = Reply(ReplyKind.RATE_LIMIT, 1.0, concurrency)
    pool.answered("c", reply, at_s + 0.1)
    pool.ended("c", 0, at_s + 0.1)


def test_a_pool_feeds_as_many_as_it_was_told_or_is_known_to_bear():
    assert Pool("p", PoolLimits()).feeds(0.0) is None
    assert Pool("p", PoolLimits(concurrency=3)).feeds(0.0) == 6
    assert Pool("p", PoolLimits(concurrency=1)).feeds(0.0) == 1
    per_minute = Window(Measure.REQUESTS, 4, 60.0)
    assert Pool("p", PoolLimits(windows=(per_minute,))).feeds(0.0) == 4
    per_day = Window(Measure.REQUESTS, 4, 86_400.0)
    assert Pool("p", PoolLimits(windows=(per_day,))).feeds(0.0) is None
    unbounded = PoolLimits(adapts=False)
    assert Pool("p", unbounded).feeds(0.0) is None


def test_a_pool_that_shrank_feeds_fewer_and_one_of_one_a_single_session():
    pool = Pool("p", PoolLimits())
    refuse(pool, concurrency=None)
    assert pool.feeds(1.0) == 4
    pool = Pool("p", PoolLimits())
    refuse(pool, concurrency=1)
    assert pool.feeds(1.0) == 1


def test_a_pool_tells_how_long_it_rests():
    pool = Pool("p", PoolLimits(windows=(Window(Measure.REQUESTS, 1, 3600.0),)))
    assert pool.rests_s(0.0) == 0.0
    pool.send("a", 0, 0.0)
    assert 3590 < pool.rests_s(5.0) < 3620


def test_other_limits_keep_what_was_counted():
    hour = Window(Measure.REQUESTS, 2, 3600.0)
    pool = Pool("p", PoolLimits(concurrency=4, windows=(hour,)))
    pool.send("a", 0, 0.0)
    pool.send("b", 0, 0.0)
    other = pool.relimited(PoolLimits(concurrency=1, windows=(hour,)), 1.0)
    assert other.feeds(1.0) == 1
    assert other.fits_at(0, 1.0) > 3600
    for name in ("a", "b"):
        other.answered(name, FINE, 2.0)
        other.ended(name, 0, 2.0)
    assert other.fits_at(0, 2.0) > 3600
    more = Window(Measure.REQUESTS, 3, 3600.0)
    assert pool.relimited(PoolLimits(windows=(more,)), 3.0).fits_at(0, 3.0) == 3.0


def test_tokens_on_their_way_are_counted_once_other_limits_hold():
    day = Window(Measure.TOKENS, 100, 86_400.0)
    pool = Pool("p", PoolLimits(windows=(day,)))
    pool.send("a", 60, 0.0)
    other = pool.relimited(PoolLimits(windows=(day,), concurrency=2), 1.0)
    other.answered("a", FINE, 2.0)
    other.ended("a", 60, 2.0)
    assert other.fits_at(50, 3.0) > 80_000
