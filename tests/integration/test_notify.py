"""--notify: the host is told of a run's end, again until it accepts, by one id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.host import FakeHost, notice_of
from fakes.swarm import Swarm, until, worker

KEY = "agent:main:main"
NONE = {"workspace": "none"}
GOOD = {"a": {"argv": ["true"], **NONE}}


@pytest.fixture
def host(swarm: Swarm) -> FakeHost:
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.3"
    return FakeHost(swarm)


def spawn(swarm: Swarm, *words: object, tasks: dict[str, Any] | None = None) -> str:
    return str(swarm.ask("spawn", swarm.plan(tasks or GOOD), *words)["run"])


def settled(swarm: Swarm, run: str, state: str) -> dict[str, object]:
    until(lambda: notice_of(swarm, run)["state"] == state)
    return notice_of(swarm, run)


def test_the_host_is_told_of_the_end_in_our_own_words(swarm: Swarm, host: FakeHost):
    host.go_up()
    value = "of-this-gateway"
    swarm.env |= {"OPENCLAW_GATEWAY_TOKEN": value}
    tasks = {
        "good": {"argv": ["echo", "so says a worker"], **NONE},
        "bad": {"argv": ["false"], **NONE},
    }

    run = spawn(swarm, "--notify", KEY, tasks=tasks)
    (text,) = host.wait_for(1)

    notice = settled(swarm, run, "accepted")
    (call,) = host.calls
    state = swarm.env["OPENCLAW_STATE_DIR"]
    words = ["system", "event", "--mode", "now", "--session-key", KEY, "--text", text]
    assert call == [state, value, *words]
    end = notice["completion"]
    assert text.startswith(f"{end}: 1 succeeded, 1 failed (bad: exit_code). Next: ")
    assert text.endswith(f" aggregate {run}")
    assert len(text) <= 170
    assert (notice["session_key"], notice["tries"]) == (KEY, 1)
    assert value.encode() not in b"".join(
        path.read_bytes() for path in swarm.home.rglob("state.db*")
    )


def test_a_host_that_is_down_is_told_once_it_is_up(swarm: Swarm, host: FakeHost):
    run = spawn(swarm, "--notify", KEY)
    until(lambda: notice_of(swarm, run)["tries"])
    notice = notice_of(swarm, run)
    line = swarm.call("list", run).lines[-2]

    host.go_up()
    (text,) = host.wait_for(1)

    assert (notice["state"], notice["tries"]) == ("due", 1)
    assert notice["trouble"] == "exit code 1: Gateway not reachable. token=[redacted]"
    assert line.startswith(f"Notice to {KEY} of {notice['completion']}: try 2 in ")
    assert text.startswith(f"{notice['completion']}: ")
    assert settled(swarm, run, "accepted")["tries"] == 2


def test_a_supervisor_lives_until_its_host_was_told_and_then_ends(
    swarm: Swarm, host: FakeHost
):
    run = spawn(swarm, "--notify", KEY)
    until(lambda: host.refusals)
    assert swarm.supervisors()

    host.go_up()
    settled(swarm, run, "accepted")

    until(lambda: not swarm.processes())


def test_who_was_told_by_a_wait_is_not_told_again(swarm: Swarm, host: FakeHost):
    host.go_up()
    run = spawn(swarm, "--notify", KEY)

    swarm.call("wait", run, "--as", KEY)

    assert settled(swarm, run, "told")["tries"] == 0
    assert host.texts == []


def test_who_was_notified_finds_it_in_the_inbox_too_under_the_same_id(
    swarm: Swarm, host: FakeHost
):
    # A host that accepted may die before its agent hears of it.
    host.go_up()
    run = spawn(swarm, "--notify", KEY)
    (text,) = host.wait_for(1)

    (told,) = swarm.ask("poll", "--as", KEY)["completions"]

    assert told["run"] == run
    assert text.startswith(f"{told['completion']}: ")


def test_a_run_that_goes_on_is_told_of_again_when_it_ends(swarm: Swarm, host: FakeHost):
    host.go_up()
    run = spawn(swarm, "--notify", KEY, tasks={"a": {"argv": ["false"], **NONE}})
    (first,) = host.wait_for(1)

    swarm.call("retry", run)
    first_again, second = host.wait_for(2)

    assert first_again == first
    assert first.partition(":")[0] != second.partition(":")[0]


@pytest.mark.parametrize("verb", ["retry", "spawn --into"])
def test_a_run_that_is_let_go_on_can_be_given_a_host_to_tell(
    swarm: Swarm, host: FakeHost, verb: str
):
    host.go_up()
    run = spawn(swarm, tasks={"a": {"argv": ["false"], **NONE}})
    swarm.ended(run)

    if verb == "retry":
        swarm.call("retry", run, "--notify", KEY)
    else:
        more = swarm.plan({"b": {"argv": ["true"], **NONE}})
        swarm.call("spawn", more, "--into", run, "--notify", KEY)

    (text,) = host.wait_for(1)
    assert text.startswith(f"{run}#")


def test_the_session_that_is_told_is_the_owner_of_the_run(swarm: Swarm, host: FakeHost):
    host.go_up()
    run, other = spawn(swarm, "--notify", KEY), spawn(swarm)

    assert [one["run"] for one in swarm.ask("list", "--as", KEY)["runs"]] == [run]
    assert {one["run"] for one in swarm.ask("list")["runs"]} == {run, other}


def test_a_host_that_hangs_holds_up_no_work(swarm: Swarm, host: FakeHost):
    host.hang()
    spawn(swarm, "--notify", KEY)
    until(lambda: [pid for pid in swarm.processes() if is_host(pid, host)])

    other = spawn(swarm)

    assert swarm.ended(other)["a"]["outcome"] == "succeeded"
    host.answer()


def is_host(pid: int, host: FakeHost) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return str(host.program).encode() in words


def test_a_call_that_takes_too_long_is_ended_and_made_again(
    swarm: Swarm, host: FakeHost
):
    host.hang()
    argv = ["{session_key}", "{text}"]
    swarm.own_config(notify={"program": "openclaw", "argv": argv, "limit_s": 0.3})
    run = spawn(swarm, "--notify", KEY)
    until(lambda: notice_of(swarm, run)["tries"])
    host.answer()
    host.go_up()

    (text,) = host.wait_for(1)

    assert host.calls[0][-2:] == [KEY, text]


def test_another_host_is_named_by_the_users_own_config(swarm: Swarm, host: FakeHost):
    host.go_up()
    other = host.program.rename(host.program.with_name("other-host"))
    argv = ["tell", "{session_key}", "--", "{text}"]
    swarm.own_config(notify={"program": other.name, "argv": argv})

    spawn(swarm, "--notify", KEY)

    (text,) = host.wait_for(1)
    assert host.calls[0][2:] == ["tell", KEY, "--", text]


def test_one_that_was_given_up_is_told_by_list_and_doctor(swarm: Swarm, host: FakeHost):
    run = spawn(swarm, "--notify", KEY)
    until(lambda: notice_of(swarm, run)["tries"])
    swarm.sql("UPDATE notices SET tries = 199, due_at = 0")

    swarm.kill_supervisor()
    notice = settled(swarm, run, "given_up")

    line = swarm.call("list", run).lines[-2]
    assert notice["tries"] == 200
    assert f"{notice['completion']}: given up after 200 tries (exit code 1" in line
    problems = swarm.ask("doctor", code=1)["problems"]
    assert any(f"{KEY} could not be told that {run} ended" in one for one in problems)
    until(lambda: not swarm.processes())


def test_a_cleared_run_is_told_of_no_more(swarm: Swarm, host: FakeHost):
    run = spawn(swarm, "--notify", KEY)
    until(lambda: host.refusals)

    swarm.call("clear", run)

    assert swarm.rows("SELECT * FROM notices") == []
    until(lambda: not swarm.processes())


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        ("two words", "bad_asker"),
        ("--text", "bad_asker"),
        ("a\nb", "bad_asker"),
        ("$(id)", "bad_asker"),
        ("", "bad_asker"),
        (KEY, "program_missing"),
    ],
)
def test_whom_nobody_can_tell_is_refused_and_nothing_is_changed(
    swarm: Swarm, host: FakeHost, key: str, refusal: str
):
    if key == KEY:
        host.program.unlink()
        swarm.env["PATH"] = str(host.program.parent)

    error = swarm.ask("spawn", swarm.plan(GOOD), f"--notify={key}", code=2)["error"]

    assert error["code"] == refusal
    assert not (swarm.home / "state.db").exists()


def test_a_notify_that_says_nothing_is_refused_with_its_place(swarm: Swarm):
    swarm.own_config(notify={"program": "openclaw", "argv": ["{session_key}"]})

    error = swarm.ask("spawn", swarm.plan(GOOD), "--notify", KEY, code=2)["error"]

    assert "{text} is missing" in error["message"]


def test_nothing_is_told_before_the_end(swarm: Swarm, host: FakeHost):
    tasks = {"a": {"argv": worker("silent.sh"), **NONE}}
    run = spawn(swarm, "--notify", KEY, tasks=tasks)
    swarm.until_state(f"{run}/a", "running")
    assert notice_of(swarm, run)["state"] == "waiting"
    assert host.refusals == 0
