"""kill: nothing that a worker started outlives it, and the outcome says so."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fakes.swarm import LIMIT_S, Swarm, is_live, until, with_session, worker

NONE = {"workspace": "none"}


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


def written(folder: Path) -> list[int]:
    return [int(one.name) for one in folder.iterdir()]


def test_a_worker_that_ignores_term_goes_with_its_detached_grandchild(
    swarm: Swarm, pids: Path
):
    swarm.impatient_commands()
    run = swarm.spawn({"a": {"argv": worker("ignores_term.py", pids), **NONE}})
    until(lambda: len(written(pids)) == 2)

    killed = swarm.ask("kill", f"{run}/a")

    assert not any(map(is_live, written(pids)))
    assert with_session(f"{run}/a") == []
    (session,) = killed["sessions"]
    assert (session["outcome"], session["reason"]) == ("cancelled", "killed")
    assert session["exit_code"] == -signal.SIGKILL


def test_a_second_kill_waits_for_the_same_end(swarm: Swarm, pids: Path):
    swarm.impatient_commands()
    run = swarm.spawn({"a": {"argv": worker("ignores_term.py", pids), **NONE}})
    until(lambda: len(written(pids)) == 2)

    with swarm.start("kill", run) as first:
        swarm.until_state(f"{run}/a", "stopping")
        second = swarm.call("kill", run)
        assert second.out == f"{run}/a cancelled (killed)\n"
        assert first.wait(timeout=LIMIT_S) == 0
        first.communicate()
    assert swarm.call("kill", run).out == "Nothing to end: it is over already.\n"


def test_a_run_is_killed_with_what_is_queued_and_others_go_on(swarm: Swarm):
    tasks = {
        name: {"argv": worker("silent.sh"), **NONE, "needs": needs}
        for name, needs in {"a": [], "b": [], "c": ["a"]}.items()
    }
    doomed = swarm.spawn(tasks, limits={"concurrency": 1})
    other = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    swarm.until_state(f"{doomed}/a", "running")
    swarm.until_state(f"{other}/a", "running")

    swarm.call("kill", doomed)

    ended = swarm.sessions(doomed)
    assert {one["outcome"] for one in ended.values()} == {"cancelled"}
    assert {one["reason"] for one in ended.values()} == {"killed"}
    assert ended["b"]["started_at"] is None
    assert swarm.sessions(other)["a"]["state"] == "running"
    assert swarm.ask("kill", "--all")["sessions"][0]["id"] == f"{other}/a"
    assert swarm.sessions(other)["a"]["outcome"] == "cancelled"


def test_a_kill_during_the_check_is_told_as_a_kill(swarm: Swarm):
    swarm.repository()
    task = {"argv": ["sh", "-c", "echo 1 > a.txt"], "check": "exec sleep 600"}
    run = swarm.spawn({"a": task})
    started = swarm.home / "runs" / run / "a" / "check" / "shim.json"
    until(started.exists)

    swarm.call("kill", f"{run}/a")

    session = swarm.sessions(run)["a"]
    assert (session["outcome"], session["reason"]) == ("cancelled", "killed")
    assert session["head"] != session["base"]


def test_what_a_worker_leaves_behind_at_a_good_end_is_swept(swarm: Swarm, pids: Path):
    run = swarm.spawn({"a": {"argv": worker("double_forks.py", pids), **NONE}})

    session = swarm.ended(run)["a"]

    assert len(written(pids)) == 1
    assert not any(map(is_live, written(pids)))
    assert session["outcome"] == "succeeded"
    assert session["swept"] == 1


def test_workers_outlive_the_process_group_and_session_of_their_spawner(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": worker("silent.sh"), **NONE}})
    shell = swarm.start("spawn", plan, "--json", start_new_session=True)
    shell.communicate(timeout=LIMIT_S)
    (run,) = [one["run"] for one in swarm.ask("list")["runs"]]
    swarm.until_state(f"{run}/a", "running")

    with pytest.raises(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)  # nobody is left in it

    assert swarm.sessions(run)["a"]["state"] == "running"
    groups = {os.getsid(pid) for pid in swarm.processes()}
    assert shell.pid not in groups
