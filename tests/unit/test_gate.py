from __future__ import annotations

import json

import pytest

from kimi_swarm.core.gate import Admit, Closed, Gate, WaitUntil, Wanted
from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.rate_headers import Told
from kimi_swarm.core.rate_reply import FINE, Reply, ReplyKind
from kimi_swarm.core.window import Measure, Window

POOL = "moonshot"
MINUTE = Window(Measure.REQUESTS, 2, 60.0)


def gate(limits: PoolLimits) -> Gate:
    return Gate({POOL: limits})


def want(request: str, session: str = "s") -> Wanted:
    return Wanted(request, session, (POOL,))


def serve(a_gate: Gate, request: str, at_s: float, reply: Reply = FINE) -> None:
    a_gate.answered(request, reply, at_s=at_s)
    a_gate.ended(request, tokens=None, at_s=at_s)


def test_what_fits_is_admitted_and_what_does_not_waits_for_an_end():
    a_gate = gate(PoolLimits(concurrency=1))
    assert a_gate.ask(want("a"), at_s=0.0) == Admit("a")
    assert a_gate.ask(want("b"), at_s=0.0) == WaitUntil("b", None)
    serve(a_gate, "a", 5.0)
    assert a_gate.turn(5.0).admitted == (Admit("b"),)


def test_a_full_window_says_when_it_has_room_again():
    a_gate = gate(PoolLimits(windows=(MINUTE,)))
    for name in ("a", "b"):
        assert a_gate.ask(want(name), at_s=0.0) == Admit(name)
        serve(a_gate, name, 0.0)
    answer = a_gate.ask(want("c"), at_s=1.0)
    assert isinstance(answer, WaitUntil)
    assert answer.at_s is not None
    assert 60.0 <= answer.at_s <= 60.3
    assert a_gate.turn(59.9).admitted == ()
    assert a_gate.turn(answer.at_s).admitted == (Admit("c"),)


def test_a_session_with_many_requests_does_not_starve_another():
    a_gate = gate(PoolLimits(concurrency=2))
    a_gate.ask(want("many", "greedy"), at_s=0.0)
    a_gate.ask(want("first", "other"), at_s=0.0)
    for number in range(50):
        a_gate.ask(want(f"many{number}", "greedy"), at_s=0.0)
    a_gate.ask(want("second", "other"), at_s=1.0)
    serve(a_gate, "first", 2.0)
    assert a_gate.turn(2.0).admitted == (Admit("many0"),)
    serve(a_gate, "many", 3.0)
    assert a_gate.turn(3.0).admitted == (Admit("second"),)


def asked_within(span_s: float, a_gate: Gate, reply: Reply) -> int:
    """Count how often one request is sent that gets this reply each time."""
    at_s, asked = 0.0, 0
    while at_s < span_s:
        answer = a_gate.ask(want("a"), at_s=at_s, is_again=asked > 0)
        if isinstance(answer, WaitUntil):
            assert answer.at_s is not None
            at_s = answer.at_s
            if at_s >= span_s:
                break
            assert a_gate.turn(at_s).admitted == (Admit("a"),)
        asked += 1
        at_s += 0.05
        serve(a_gate, "a", at_s, reply)
    return asked


@pytest.mark.parametrize("adapts", [True, False])
@pytest.mark.parametrize("wait_s", [0.0, 0.25, None])
def test_a_provider_that_only_refuses_is_asked_less_and_less_also_if_told_at_once(
    wait_s: float | None, *, adapts: bool
):
    a_gate = gate(PoolLimits(concurrency=3, adapts=adapts))
    refused = Reply(ReplyKind.RATE_LIMIT, wait_s=wait_s)
    assert asked_within(3600.0, a_gate, refused) <= 30


@pytest.mark.parametrize("adapts", [True, False])
def test_a_told_wait_is_kept_to_by_every_pool(*, adapts: bool):
    a_gate = gate(PoolLimits(concurrency=3, adapts=adapts))
    refused = Reply(ReplyKind.RATE_LIMIT, wait_s=30.0)
    assert asked_within(285.0, a_gate, refused) == 10


def test_whatever_wait_is_told_one_request_asks_each_hour():
    a_gate = gate(PoolLimits(concurrency=3))
    refused = Reply(ReplyKind.RATE_LIMIT, wait_s=40 * 86_400.0)
    assert asked_within(86_000.0, a_gate, refused) == 24


def test_a_provider_that_has_nothing_left_for_weeks_is_tried_within_the_hour():
    a_gate = gate(PoolLimits())
    a_gate.ask(want("a"), at_s=0.0)
    left = (Told(Measure.REQUESTS, left=0, reset_s=40 * 86_400.0),)
    serve(a_gate, "a", 1.0, FINE._replace(told=left))
    assert a_gate.ask(want("b"), at_s=2.0) == WaitUntil("b", 3601.0)


def test_a_rest_that_was_kept_by_an_earlier_release_has_an_end_too():
    before = gate(PoolLimits())
    kept = before.to_data(0.0)
    kept["pools"][POOL]["pace"]["rest_until_s"] = 40 * 86_400.0
    del kept["pools"][POOL]["refusal"]
    after = gate(PoolLimits())
    after.load(kept, at_s=0.0, away_s=0.0)
    assert after.pools[POOL].rests_s(0.0) == 3600.0


LONG_TOLD = [
    Reply(ReplyKind.RATE_LIMIT, wait_s=86_400.0),
    Reply(ReplyKind.RATE_LIMIT, told=(Told(Measure.REQUESTS, left=0, reset_s=9e4),)),
    Reply(ReplyKind.QUOTA_GONE, wait_s=86_400.0),
    Reply(ReplyKind.QUOTA_GONE),
]


@pytest.mark.parametrize("reply", LONG_TOLD)
def test_a_person_who_asks_again_is_believed_whatever_was_told(reply: Reply):
    a_gate = gate(PoolLimits())
    a_gate.ask(want("a"), at_s=0.0)
    serve(a_gate, "a", 1.0, reply)
    assert not isinstance(a_gate.ask(want("b"), at_s=100.0), Admit)
    a_gate.withdraw("b")
    a_gate.pools[POOL].open_again(100.0)
    assert a_gate.ask(want("c"), at_s=100.0) == Admit("c")


def test_who_asks_again_is_believed_that_a_told_window_is_wider():
    a_gate = gate(PoolLimits())
    a_gate.ask(want("a"), at_s=0.0)
    daily = FINE._replace(told=(Told(Measure.REQUESTS, 1, 86_400.0),))
    serve(a_gate, "a", 1.0, daily)
    assert a_gate.ask(want("b"), at_s=2.0) == Admit("b")
    serve(a_gate, "b", 3.0, daily)
    assert isinstance(a_gate.ask(want("c"), at_s=4.0), WaitUntil)
    a_gate.pools[POOL].open_again(5.0)
    assert a_gate.turn(5.0).admitted == (Admit("c"),)


def test_asking_again_breaks_no_limit_that_a_person_said_and_no_short_wait():
    a_gate = gate(PoolLimits(windows=(Window(Measure.REQUESTS, 1, 86_400.0),)))
    a_gate.ask(want("a"), at_s=0.0)
    serve(a_gate, "a", 0.0)
    a_gate.pools[POOL].open_again(100.0)
    assert isinstance(a_gate.ask(want("b"), at_s=100.0), WaitUntil)
    a_gate = gate(PoolLimits())
    a_gate.ask(want("a"), at_s=0.0)
    serve(a_gate, "a", 0.0, Reply(ReplyKind.RATE_LIMIT, wait_s=30.0))
    a_gate.pools[POOL].open_again(1.0)
    assert a_gate.ask(want("b"), at_s=1.0) == WaitUntil("b", 30.0)


def test_a_pool_that_does_not_adapt_is_as_wide_as_before_once_it_is_served_again():
    a_gate = gate(PoolLimits(adapts=False))
    for name in ("a", "b", "c"):
        assert a_gate.ask(want(name), at_s=0.0) == Admit(name)
    for name in ("a", "b", "c"):
        serve(a_gate, name, 1.0, Reply(ReplyKind.RATE_LIMIT, wait_s=5.0))
    assert a_gate.ask(want("a"), at_s=7.0) == Admit("a")
    serve(a_gate, "a", 8.0)
    for number in range(20):
        assert a_gate.ask(want(f"n{number}"), at_s=60.0) == Admit(f"n{number}")


def test_a_closed_pool_refuses_who_asks_and_who_waits():
    a_gate = gate(PoolLimits(concurrency=1))
    a_gate.ask(want("a"), at_s=0.0)
    a_gate.ask(want("b"), at_s=0.0)
    gone = Reply(ReplyKind.QUOTA_GONE, wait_s=100.0, message="It is used up.")
    serve(a_gate, "a", 1.0, gone)
    said = 'The quota of moonshot is used up; the provider says: "It is used up".'
    refused = Closed("b", POOL, said, 101.0)
    assert a_gate.turn(1.0).closed == (refused,)
    assert a_gate.ask(want("c"), at_s=2.0) == refused._replace(request="c")
    assert a_gate.ask(want("c"), at_s=101.0) == Admit("c")


def test_a_pool_is_closed_for_the_account_whose_quota_is_gone_also_after_a_restart():
    before = gate(PoolLimits(concurrency=2))
    before.ask(want("a")._replace(account="poor"), at_s=0.0)
    serve(before, "a", 1.0, Reply(ReplyKind.QUOTA_GONE))
    after = gate(PoolLimits(concurrency=2))
    after.load(json.loads(json.dumps(before.to_data(1.0))), at_s=1.0, away_s=0.0)
    for a_gate in (before, after):
        poor = a_gate.ask(want("b")._replace(account="poor"), at_s=2.0)
        assert isinstance(poor, Closed)
        rich = want("c")._replace(account="rich")
        assert a_gate.ask(rich, at_s=2.0) == Admit("c")
    after.pools[POOL].open_again(3.0)
    assert after.ask(want("d")._replace(account="poor"), at_s=3.0) == Admit("d")


def test_a_restart_forgets_neither_windows_nor_closures():
    before = gate(PoolLimits(windows=(MINUTE,)))
    for name in ("a", "b"):
        before.ask(want(name), at_s=1000.0)
    kept = json.loads(json.dumps(before.to_data(1000.0)))
    after = gate(PoolLimits(windows=(MINUTE,)))
    after.load(kept, at_s=5.0, away_s=20.0)
    answer = after.ask(want("c"), at_s=5.0)
    assert isinstance(answer, WaitUntil)
    assert answer.at_s is not None
    assert 45.0 <= answer.at_s <= 47.0


def test_begun_sessions_finish_before_new_ones_are_let_in_but_not_for_ever():
    a_gate = gate(PoolLimits(concurrency=1))
    a_gate.ask(want("begun0", "begun"), at_s=0.0)
    a_gate.ask(want("new", "new"), at_s=0.0)
    order, at_s = ["begun0"], 0.0
    for number in range(1, 20):
        a_gate.ask(want(f"begun{number}", "begun"), at_s=at_s)
        at_s += 10.0
        serve(a_gate, order[-1], at_s)
        order += [one.request for one in a_gate.turn(at_s).admitted]
    assert order.index("new") == 6  # after the minute in which it is to be let in


def test_a_higher_rank_goes_first():
    a_gate = gate(PoolLimits(concurrency=1))
    a_gate.ask(want("a", "a"), at_s=0.0)
    a_gate.ask(want("b", "b"), at_s=0.0)
    a_gate.ask(want("judge", "c")._replace(rank=1), at_s=0.0)
    serve(a_gate, "a", 1.0)
    assert a_gate.turn(1.0).admitted == (Admit("judge"),)


def test_a_full_pool_does_not_hold_up_another():
    limits = PoolLimits(concurrency=1)
    a_gate = Gate({"one": limits, "two": limits})
    assert a_gate.ask(Wanted("a", "s", ("one",)), at_s=0.0) == Admit("a")
    assert isinstance(a_gate.ask(Wanted("b", "s", ("one",)), at_s=0.0), WaitUntil)
    assert a_gate.ask(Wanted("c", "t", ("two",)), at_s=0.0) == Admit("c")


def test_what_draws_on_two_pools_waits_for_both():
    limits = {"key": PoolLimits(concurrency=2), "model": PoolLimits(concurrency=1)}
    a_gate = Gate(limits)
    a_gate.ask(Wanted("a", "s", ("key", "model")), at_s=0.0)
    assert isinstance(
        a_gate.ask(Wanted("b", "s", ("key", "model")), at_s=0.0), WaitUntil
    )
    assert a_gate.ask(Wanted("c", "t", ("key",)), at_s=0.0) == Admit("c")


def test_who_was_refused_comes_before_what_its_session_asked_later():
    a_gate = gate(PoolLimits(concurrency=1))
    for name in ("a", "b"):
        a_gate.ask(want(name), at_s=0.0)
    limited = Reply(ReplyKind.RATE_LIMIT, wait_s=3.0)
    serve(a_gate, "a", 1.0, limited)
    assert a_gate.ask(want("a"), at_s=1.0, is_again=True) == WaitUntil("a", 4.0)
    assert a_gate.turn(4.0).admitted == (Admit("a"),)


def test_starts_keep_their_distance():
    a_gate = gate(PoolLimits(spacing_s=2.5))
    assert a_gate.ask(want("a"), at_s=0.0) == Admit("a")
    assert a_gate.ask(want("b"), at_s=1.0) == WaitUntil("b", 2.5)


def test_who_gave_up_is_not_sent():
    a_gate = gate(PoolLimits(concurrency=1))
    for name in ("a", "b", "c"):
        a_gate.ask(want(name), at_s=0.0)
    assert a_gate.withdraw("b")
    assert not a_gate.withdraw("b")
    serve(a_gate, "a", 1.0)
    assert a_gate.turn(1.0).admitted == (Admit("c"),)
