"""A map whose processes are killed in the middle; `python -m bench map` runs more."""

from __future__ import annotations

import secrets

from fakes.map_case import MORE, MapCase
from fakes.swarm import Swarm


def test_a_map_gives_each_result_once_and_in_order_whatever_is_killed(swarm: Swarm):
    swarm.env["KIMI_SWARM_IDLE_S"] = "1"
    case = MapCase(swarm, 60, at_once=6, seed=secrets.randbelow(10**6))

    totals = case.play(strikes=2)

    assert totals.wrongs == [], totals
    assert totals.kills["supervisor"] == 2
    assert min(totals.kills["shim"], totals.kills["worker"]) > 0
    assert totals.sessions > totals.items
    assert totals.added == MORE
