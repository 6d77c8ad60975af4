from __future__ import annotations

from kimi_swarm.core.burn import Burn, burn

TODAY = "2026-11-20"


def test_the_mean_of_full_days_says_how_long_the_rest_lasts():
    spent = {"2026-11-18": 3.0, "2026-11-19": 1.0, TODAY: 50.0}
    assert burn(spent, today=TODAY, left=10.0) == Burn(2.0, 2, 5.0)


def test_days_without_spending_count_and_old_ones_do_not():
    spent = {"2026-10-01": 700.0, "2026-11-17": 7.0}
    assert burn(spent, today=TODAY, left=7.0) == Burn(1.0, 7, 7.0)


def test_today_alone_says_nothing():
    assert burn({TODAY: 5.0}, today=TODAY, left=10.0) is None


def test_who_spends_nothing_has_no_last_day():
    assert burn({"2026-11-19": 0.0}, today=TODAY, left=10.0) == Burn(0.0, 1, None)


def test_an_overdrawn_budget_lasts_no_day():
    assert burn({"2026-11-19": 1.0}, today=TODAY, left=-2.0) == Burn(1.0, 1, 0.0)
