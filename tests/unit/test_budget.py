from __future__ import annotations

import json

import pytest

from kimi_swarm.core.budget import (
    Act,
    Budget,
    Budgets,
    Good,
    Granted,
    Later,
    Refused,
    Spend,
)

RUN = ("run/calm-river",)


def tokens(most: float) -> Budgets:
    return Budgets([Budget("run/calm-river", Good.TOKENS, most)])


def test_what_others_reserved_makes_wait_and_what_is_spent_refuses():
    budgets = tokens(100)
    assert budgets.reserve("a", RUN, Spend(tokens=70)) == Granted("a")
    assert isinstance(budgets.reserve("b", RUN, Spend(tokens=70)), Later)
    budgets.settle("a", Spend(tokens=20))
    assert budgets.reserve("b", RUN, Spend(tokens=70)) == Granted("b")
    budgets.settle("b", Spend(tokens=80))
    refused = budgets.reserve("c", RUN, Spend(tokens=1))
    assert isinstance(refused, Refused)
    assert refused.reason == "The budget of run/calm-river is gone: 100 of 100 tokens."


def test_a_warning_comes_once_at_four_fifths_and_the_act_once_at_the_end():
    budgets = Budgets([Budget("day", Good.USD, 1.0, Act.KILL)])
    day = ("day/2026-11-20",)
    assert budgets.book(day, Spend(usd=0.79)) == ()
    (warning,) = budgets.book(day, Spend(usd=0.02))
    assert (warning.share, warning.scope) == (0.8, "day/2026-11-20")
    assert budgets.book(day, Spend(usd=0.01)) == ()
    (gone,) = budgets.book(day, Spend(usd=0.5))
    assert (gone.share, gone.budget.act) == (1.0, Act.KILL)
    assert budgets.book(day, Spend(usd=0.5)) == ()
    assert budgets.book(("day/2026-11-21",), Spend(usd=0.5)) == ()


def test_unknown_usage_settles_at_the_reservation_and_is_marked():
    budgets = tokens(100)
    budgets.reserve("a", RUN, Spend(tokens=30))
    budgets.settle("a", None)
    budgets.reserve("b", RUN, Spend(tokens=30))
    budgets.settle("b", Spend(tokens=5))
    balance = budgets.balance(RUN[0])
    assert (balance.spent[Good.TOKENS], balance.estimated[Good.TOKENS]) == (35, 30)


def test_a_money_budget_refuses_what_has_no_price():
    budgets = Budgets([Budget("run", Good.USD, 1.0)])
    refused = budgets.reserve("a", RUN, Spend(tokens=10, usd=None))
    assert isinstance(refused, Refused)
    assert "No price of this model is known" in refused.reason


def test_a_raised_budget_lets_go_on():
    budgets = tokens(10)
    budgets.book(RUN, Spend(tokens=10))
    assert isinstance(budgets.reserve("a", RUN, Spend(tokens=5)), Refused)
    budgets.set(Budget("run/calm-river", Good.TOKENS, 20))
    assert budgets.reserve("a", RUN, Spend(tokens=5)) == Granted("a")


def gone(act: Act, good: Good = Good.TOKENS) -> Budgets:
    budgets = Budgets([Budget("run", good, 10, act)])
    budgets.book(RUN, Spend(tokens=10, wall_s=10.0, sessions=10))
    return budgets


REQUEST, START = Spend(tokens=1, requests=1), Spend(sessions=1)


@pytest.mark.parametrize(
    ("act", "request_goes_on"),
    [(Act.STOP_STARTING, False), (Act.FINISH, True), (Act.KILL, False)],
)
def test_when_a_budget_is_gone_no_session_starts_and_only_finish_lets_others_go_on(
    act: Act, *, request_goes_on: bool
):
    assert isinstance(gone(act).reserve("a", RUN, START), Refused)
    answer = gone(act).reserve("a", RUN, REQUEST)
    assert isinstance(answer, Granted) is request_goes_on


def test_time_that_is_up_stops_requests_and_a_count_of_sessions_does_not():
    stop = Act.STOP_STARTING
    assert isinstance(gone(stop, Good.WALL_S).reserve("a", RUN, REQUEST), Refused)
    assert isinstance(gone(stop, Good.SESSIONS).reserve("a", RUN, REQUEST), Granted)
    assert isinstance(gone(stop, Good.SESSIONS).reserve("a", RUN, START), Refused)


def test_a_scope_that_is_over_is_forgotten():
    budgets = gone(Act.KILL)
    budgets.forget(RUN[0])
    assert budgets.spent(RUN[0], Good.TOKENS) == 0
    assert budgets.to_data() == {"balances": {}, "told": []}


@pytest.mark.parametrize("act", list(Act))
def test_balances_outlive_a_restart_with_reservations_as_used(act: Act):
    budgets = Budgets([Budget("run", Good.TOKENS, 100, act)])
    budgets.reserve("a", RUN, Spend(tokens=30))
    budgets.book(RUN, Spend(tokens=55))
    kept = json.loads(json.dumps(budgets.to_data()))
    after = Budgets([Budget("run", Good.TOKENS, 100, act)])
    after.load(kept)
    assert after.spent(RUN[0], Good.TOKENS) == 85
    assert after.balance(RUN[0]).estimated[Good.TOKENS] == 30
