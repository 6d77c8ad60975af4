"""A supervisor that dies around a call to the host: told at least once, by one id."""

from __future__ import annotations

import pytest

from fakes.host import FakeHost, notice_of
from fakes.swarm import Swarm, until

KEY = "agent:main:main"
GOOD = {"a": {"argv": ["true"], "workspace": "none"}}


@pytest.fixture
def host(swarm: Swarm) -> FakeHost:
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.3"
    return FakeHost(swarm)


def spawn(swarm: Swarm) -> str:
    return str(swarm.ask("spawn", swarm.plan(GOOD), "--notify", KEY)["run"])


@pytest.mark.parametrize(
    ("point", "times"), [("herald.before_call", 1), ("herald.after_call", 2)]
)
def test_after_a_crash_the_host_is_told_by_the_same_id(
    swarm: Swarm, host: FakeHost, point: str, times: int
):
    host.go_up()
    swarm.env["KIMI_SWARM_CRASH_AT"] = point
    run = spawn(swarm)
    until((swarm.home / f"crash_point.{point}").exists)
    until(lambda: not swarm.processes())
    assert len(host.texts) == times - 1

    swarm.call("list")  # whoever asks next brings a supervisor

    host.wait_for(times)
    until(lambda: notice_of(swarm, run)["state"] == "accepted")
    until(lambda: not swarm.processes())
    assert host.ids == [notice_of(swarm, run)["completion"]] * times


def test_a_supervisor_that_is_killed_between_the_end_and_the_notice_is_made_up_for(
    swarm: Swarm, host: FakeHost
):
    run = spawn(swarm)
    until(lambda: notice_of(swarm, run)["tries"])
    swarm.kill_supervisor()
    host.go_up()

    swarm.call("poll", "--as", "somebody-else")

    host.wait_for(1)
    until(lambda: notice_of(swarm, run)["state"] == "accepted")
    assert host.ids == [notice_of(swarm, run)["completion"]]


def test_a_clock_that_was_set_back_holds_up_no_notice(swarm: Swarm, host: FakeHost):
    run = spawn(swarm)
    until(lambda: notice_of(swarm, run)["tries"])
    swarm.kill_supervisor()
    swarm.sql("UPDATE notices SET due_at = due_at + 86400")
    host.go_up()

    swarm.call("list")

    host.wait_for(1)
