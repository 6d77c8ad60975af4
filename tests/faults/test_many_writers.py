"""Fifty callers at once on one state folder: nobody hears of a lock."""

from __future__ import annotations

from contextlib import closing

from fakes.aftermath import Aftermath
from fakes.crowd import Crowd
from fakes.runs import opened
from fakes.swarm import Swarm

CALLERS = 50
SECONDS = 10.0


def test_fifty_callers_at_once_are_served_and_none_hears_of_a_lock(swarm: Swarm):
    crowd = Crowd(swarm)

    crowd.work(CALLERS, seconds=SECONDS)

    assert crowd.misses() == []
    assert len(crowd.calls) >= 2 * CALLERS
    swarm.call("kill", "--all")
    with closing(opened(swarm.home)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    runs = [row["run"] for row in swarm.ask("list", "--limit", 10_000)["runs"]]
    after = Aftermath(swarm.home, runs)
    assert (after.bad_ends, after.bad_replays, after.bad_exit_codes) == ([], [], [])
