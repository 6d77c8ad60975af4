"""The supervisor is killed: nothing is lost, nothing runs twice, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import LIMIT_S, Swarm, is_live, until, with_session, worker

NONE = {"workspace": "none"}


def signers(swarm: Swarm) -> tuple[Path, Path, dict[str, Any]]:
    """Return ledger, gate and a plan's tasks: some sign and stay, some need them."""
    ledger, gate = swarm.folder / "ledger", swarm.folder / "gate"
    now, later = swarm.folder / "now", gate
    now.touch()

    def task(*words: object, needs: tuple[str, ...] = ()) -> dict[str, Any]:
        argv = worker("signs_ledger.sh", ledger, *words)
        return {"argv": argv, **NONE, "needs": list(needs)}

    tasks = {
        "early": task(now),
        "stays": task(later),
        "fails": task(later, 7),
        "next": task(now, needs=("stays",)),
        "never": task(now, needs=("fails",)),
    }
    return ledger, gate, tasks


def test_a_killed_supervisor_is_replaced_and_the_run_goes_on(swarm: Swarm):
    ledger, gate, tasks = signers(swarm)
    run = swarm.spawn(tasks)
    until(lambda: ledger.exists() and len(ledger.read_text().split()) == 3)
    until(lambda: swarm.sessions(run)["early"]["state"] == "done")
    first = swarm.kill_supervisor()

    gate.touch()  # these two end while nobody looks
    until(lambda: not with_session(f"{run}/stays") + with_session(f"{run}/fails"))
    assert swarm.supervisors() == []
    ended = swarm.ended(run)

    outcomes = {name: (one["outcome"], one["exit_code"]) for name, one in ended.items()}
    assert outcomes == {
        "early": ("succeeded", 0),
        "stays": ("succeeded", 0),
        "fails": ("failed", 7),
        "next": ("succeeded", 0),
        "never": ("cancelled", None),
    }
    assert ended["never"]["reason"] == "need_failed"
    assert max(Counter(ledger.read_text().split()).values()) == 1
    assert first not in swarm.supervisors()


def test_running_workers_are_adopted_and_followed_to_their_end(swarm: Swarm):
    ledger, gate, tasks = signers(swarm)
    run = swarm.spawn(tasks)
    until(lambda: ledger.exists() and len(ledger.read_text().split()) == 3)
    worker_pid = min(with_session(f"{run}/stays"))
    swarm.kill_supervisor()

    assert swarm.sessions(run)["stays"]["state"] == "running"
    until(swarm.supervisors)
    assert worker_pid in with_session(f"{run}/stays")
    gate.touch()

    assert swarm.ended(run)["next"]["outcome"] == "succeeded"
    assert max(Counter(ledger.read_text().split()).values()) == 1


def test_a_supervisor_killed_again_and_again_loses_and_doubles_nothing(swarm: Swarm):
    ledger = swarm.folder / "ledger"
    swarm.repository()
    line = (
        f'echo "$KIMI_SWARM_SESSION" >> {ledger}; sleep 0.1; echo x > $KIMI_SWARM_TASK'
    )
    tasks = {f"t{number}": {"argv": ["sh", "-c", line]} for number in range(8)}
    tasks["last"] = {"argv": ["sh", "-c", line], "needs": list(tasks)}
    # The run must not be over before the last supervisor is killed, however busy it is.
    gate = swarm.folder / "gate"
    stays = f"{line}; until [ -e {gate} ]; do sleep 0.02; done"
    tasks["stays"] = {"argv": ["sh", "-c", stays]}
    run = swarm.spawn(tasks, limits={"concurrency": 3})

    for _ in range(3):
        swarm.call("list")
        until(swarm.supervisors)
        swarm.kill_supervisor()
    gate.touch()
    ended = swarm.ended(run)

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert Counter(ledger.read_text().split()) == {f"{run}/{name}": 1 for name in tasks}


def test_a_zygote_without_anybody_to_answer_ends_without_a_word(swarm: Swarm):
    swarm.env["KIMI_SWARM_CRASH_AT"] = "supervisor.after_request"
    plan = swarm.plan({"a": {"argv": ["true"], **NONE}})
    run = swarm.ask("spawn", plan)["run"]

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"

    assert swarm.log_of_supervisor() == ""


def test_starts_keep_their_distance_also_over_a_change_of_supervisors(swarm: Swarm):
    silent = {"argv": worker("silent.sh"), **NONE}
    run = swarm.spawn({"a": silent, "b": silent}, limits={"spacing_s": 2})
    swarm.until_state(f"{run}/a", "running")
    swarm.kill_supervisor()

    second = swarm.until_state(f"{run}/b", "running")

    first = swarm.sessions(run)["a"]
    starts = [datetime.fromisoformat(one["started_at"]) for one in (first, second)]
    # A session is chosen some time before its worker is started.
    assert (starts[1] - starts[0]).total_seconds() > 1.5


def test_a_wish_to_stop_made_without_a_supervisor_is_honoured(swarm: Swarm):
    pids = swarm.folder / "pids"
    pids.mkdir()
    swarm.impatient_commands()
    run = swarm.spawn({"a": {"argv": worker("ignores_term.py", pids), **NONE}})
    until(lambda: len(list(pids.iterdir())) == 2)
    swarm.kill_supervisor()

    swarm.call("kill", run)

    assert swarm.sessions(run)["a"]["outcome"] == "cancelled"
    assert not any(is_live(int(one.name)) for one in pids.iterdir())


def test_the_deadline_holds_without_a_supervisor(swarm: Swarm):
    task = {"argv": worker("silent.sh"), **NONE, "timeout_s": 2}
    run = swarm.spawn({"a": task})
    until(lambda: with_session(f"{run}/a"))
    swarm.kill_supervisor()

    until(lambda: not with_session(f"{run}/a"))
    assert swarm.supervisors() == []
    session = swarm.ended(run)["a"]

    assert (session["outcome"], session["reason"]) == ("timed_out", "time_limit")


def test_a_session_without_record_is_lost_and_its_worker_is_ended(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE, "retries": 0}})
    record = swarm.home / "runs" / run / "a" / "work" / "shim.json"
    until(lambda: with_session(f"{run}/a"))

    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    session = swarm.ended(run)["a"]

    assert (session["outcome"], session["reason"]) == ("lost", "no_exit_record")
    until(lambda: not with_session(f"{run}/a"))


@pytest.mark.skipif(sys.platform != "linux", reason="it writes to /proc")
def test_a_worker_that_hid_its_environment_does_not_outlive_a_killed_shim(
    swarm: Swarm,
):
    pids = swarm.folder / "pids"
    pids.mkdir()
    hides = worker("hides_its_environment.py", pids)
    run = swarm.spawn({"a": {"argv": hides, **NONE, "retries": 0}})
    record = swarm.home / "runs" / run / "a" / "work" / "shim.json"
    (pid,) = until(lambda: [int(one.name) for one in pids.iterdir()])
    assert pid not in with_session(f"{run}/a")

    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    session = swarm.ended(run)["a"]

    assert (session["outcome"], session["reason"]) == ("lost", "no_exit_record")
    assert not is_live(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="it writes to /proc")
def test_nothing_is_tried_again_while_a_hidden_grandchild_may_live(swarm: Swarm):
    pids = swarm.folder / "pids"
    pids.mkdir()
    hides = worker("hides_its_environment.py", pids, "orphan")
    run = swarm.spawn({"a": {"argv": hides, **NONE, "retry_delay_s": 0}})
    (pid,) = until(lambda: [int(one.name) for one in pids.iterdir()])

    swarm.kill_shim(f"{run}/a")

    try:
        assert swarm.ended(run)["a"]["id"] == f"{run}/a"
        assert swarm.sessions(run)["a"]["outcome"] == "lost"
        assert is_live(pid), "this very test is of no use then"
    finally:
        os.kill(pid, signal.SIGKILL)


def test_ten_racing_spawns_make_one_supervisor(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": worker("silent.sh"), **NONE}})

    callers = [swarm.start("spawn", plan, "--json") for _ in range(10)]
    answers = [json.loads(each.communicate()[0]) for each in callers]
    assert [answer for answer in answers if "error" in answer] == []

    for answer in answers:
        swarm.until_state(f"{answer['run']}/a", "running")
    assert len({answer["run"] for answer in answers}) == 10
    until(lambda: len(swarm.supervisors()) == 1)


def test_a_crowd_of_callers_starts_one_supervisor_and_no_more(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    swarm.until_state(f"{run}/a", "running")
    swarm.kill_supervisor()
    starts = swarm.folder / "starts"
    python = swarm.folder / "python"
    python.write_text(
        f'#!/bin/sh\necho start >> "{starts}"\nexec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)

    callers = [
        swarm.start("list", env={"KIMI_SWARM_PYTHON": str(python)}) for _ in range(10)
    ]
    for caller in callers:
        caller.communicate()

    assert [caller.returncode for caller in callers] == [0] * 10
    assert starts.read_text().split() == ["start"]


def test_a_supervisor_killed_while_it_stands_up_is_started_again(swarm: Swarm):
    swarm.env["KIMI_SWARM_CRASH_AT"] = "supervisor.after_lock"

    run = swarm.spawn({"a": {"argv": ["true"], **NONE}})

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_a_supervisor_without_work_ends_itself_and_frees_its_lock(swarm: Swarm):
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.1"
    run = swarm.spawn({"a": {"argv": ["true"], **NONE}})
    swarm.ended(run)

    until(lambda: not swarm.processes())

    assert swarm.sessions(run)["a"]["outcome"] == "succeeded"
    assert swarm.supervisors() == []
    again = swarm.spawn({"a": {"argv": ["true"], **NONE}})
    assert swarm.ended(again)["a"]["outcome"] == "succeeded"


def test_spawns_that_meet_a_leaving_supervisor_are_served(swarm: Swarm):
    swarm.env["KIMI_SWARM_IDLE_S"] = "0"
    plan = swarm.plan({"a": {"argv": ["true"], **NONE}})

    for _ in range(3):
        run = swarm.ask("spawn", plan)["run"]
        assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_log_poll_and_list_answer_after_the_supervisor_has_gone(swarm: Swarm):
    swarm.env["KIMI_SWARM_IDLE_S"] = "0"
    run = swarm.spawn({"a": {"argv": ["echo", "hello"], **NONE}})
    swarm.ended(run)
    until(lambda: not swarm.processes())

    assert swarm.call("log", f"{run}/a").out == "| hello\n"
    assert "1 succeeded" in swarm.call("poll", run).out
    assert "1/1 succeeded" in swarm.call("list").out
    assert swarm.call("wait", run).out.startswith(f"{run}: 1 succeeded.")
    assert swarm.processes() == []


def test_the_supervisor_outlives_the_caller_its_group_and_its_session(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": worker("silent.sh"), **NONE}})
    caller = swarm.start("run", plan, start_new_session=True)
    (row,) = until(lambda: swarm.ask("list")["runs"])
    swarm.until_state(f"{row['run']}/a", "running")
    supervisor = swarm.supervisor()

    os.killpg(caller.pid, signal.SIGKILL)
    caller.communicate()

    assert is_live(supervisor)
    assert os.getsid(supervisor) != caller.pid
    assert swarm.sessions(row["run"])["a"]["state"] == "running"


@pytest.mark.parametrize("words", [b"[]\n", b"\xff\n", b"[" * 50_000 + b"\n", b"x"])
def test_nonsense_at_the_door_disturbs_nobody(swarm: Swarm, words: bytes):
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    before = swarm.supervisor()
    swarm.until_state(f"{run}/a", "running")

    with knock(swarm) as caller:
        caller.sendall(words)
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(10) == b""

    swarm.call("kill", run)
    assert swarm.supervisor() == before


def test_watchers_that_leave_at_any_moment_disturb_nobody(swarm: Swarm):
    holding = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    before = swarm.supervisor()
    swarm.until_state(f"{holding}/a", "running")
    plan = swarm.plan({f"t{n}": {"argv": ["true"], **NONE} for n in range(10)})

    for _ in range(2):
        busy = swarm.start("spawn", plan)
        deadline = time.monotonic() + 0.8
        while time.monotonic() < deadline:
            for caller in [knock(swarm) for _ in range(10)]:
                caller.sendall(b'{"do": "watch"}\n')
                caller.close()
        busy.communicate()

    # A caller that found the door crowded may have started one that leaves at once.
    assert swarm.supervisor() == before


def knock(swarm: Swarm) -> socket.socket:
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(str(swarm.home / "supervisor.sock"))
    caller.settimeout(LIMIT_S)
    return caller
