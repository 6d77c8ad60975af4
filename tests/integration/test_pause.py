"""pause, resume, and how long a task may wait for its place."""

from __future__ import annotations

from fakes.swarm import Swarm, until, worker

NONE = {"workspace": "none"}
TRUE = {"argv": ["true"], **NONE}


def held(swarm: Swarm) -> str:
    """Spawn a run of which one works until its gate is there, and one needs it."""
    gate = worker("signs_ledger.sh", swarm.folder / "ledger", swarm.folder / "gate")
    tasks = {"a": {"argv": gate, **NONE}, "b": {**TRUE, "needs": ["a"]}}
    run = swarm.spawn(tasks)
    swarm.until_state(f"{run}/a", "running")
    return run


def test_a_paused_run_starts_nothing_more_until_it_is_resumed(swarm: Swarm):
    run = held(swarm)

    said = swarm.call("pause", run).out
    (swarm.folder / "gate").touch()
    swarm.until_state(f"{run}/a", "done")

    assert f"{run} is paused: 1 at work, 1 waiting." in said
    assert f"{run} paused" in swarm.call("list").out
    assert swarm.ask("list", run)["paused_at"] is not None
    assert swarm.sessions(run)["b"]["state"] == "queued"
    paused = swarm.call("wait", run, "--timeout-s", "0.2", code=124).out
    assert f"Next: kimi-swarm resume {run}" in paused
    assert f"Next: kimi-swarm resume {run}" in swarm.call("list", run).out
    assert "Paused." in swarm.call("poll", run).out
    assert "running: 0 at work, 1 waiting" in swarm.call("resume", run).out
    assert swarm.ended(run)["b"]["outcome"] == "succeeded"


def test_pausing_twice_says_so_and_a_run_that_is_over_cannot_be(swarm: Swarm):
    run = held(swarm)
    swarm.call("pause", run)

    assert "is paused already" in swarm.call("pause", run).out
    assert "is running:" in swarm.call("resume", run).out
    assert "is running already" in swarm.call("resume", run).out
    swarm.call("kill", run)
    assert f"Run {run} is over" in swarm.call("pause", run, code=2).err
    assert "There is no run" in swarm.call("resume", "no-run", code=2).err


def test_a_paused_run_can_be_killed(swarm: Swarm):
    run = held(swarm)
    swarm.call("pause", run)

    swarm.call("kill", run)

    assert {one["reason"] for one in swarm.sessions(run).values()} == {"killed"}
    assert "paused" not in swarm.call("list").out


def test_nobody_watches_over_a_paused_run_in_which_nothing_works(swarm: Swarm):
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.1"
    run = held(swarm)
    swarm.call("pause", run)
    (swarm.folder / "gate").touch()

    until(lambda: not swarm.processes())
    swarm.call("list")

    assert swarm.sessions(run)["b"]["state"] == "queued"
    assert swarm.processes() == []
    swarm.call("resume", run)
    assert swarm.ended(run)["b"]["outcome"] == "succeeded"


def test_a_task_that_waits_too_long_for_a_place_is_ended(swarm: Swarm):
    run = swarm.spawn(
        {
            "a": {"argv": worker("silent.sh"), **NONE},
            "b": {**TRUE, "queue_s": 0.2},
            "c": {**TRUE, "needs": ["a"], "queue_s": 0.2},
        },
        limits={"concurrency": 1},
    )
    swarm.until_state(f"{run}/a", "running")

    late = swarm.until_state(f"{run}/b", "done")

    assert (late["outcome"], late["reason"]) == ("timed_out", "queue_time")
    assert "queue_s" in late["remedy"]
    assert swarm.sessions(run)["c"]["state"] == "queued"
