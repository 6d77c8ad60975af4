"""A run that a budget holds is told like one that ended: it would seem to hang else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fakes.host import FakeHost, notice_of
from fakes.swarm import LIMIT_S, Swarm, until, worker

KEY = "agent:main:main"
NONE = {"workspace": "none"}
GOOD = {"argv": ["true"], **NONE}
TELLS = '{"input_tokens": 900, "output_tokens": 100}'
CRASH = {"KIMI_SWARM_CRASH_AT": "asker.before_told"}


@pytest.fixture
def host(swarm: Swarm) -> FakeHost:
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.3"
    return FakeHost(swarm)


def plan_of_three(swarm: Swarm) -> Path:
    """Write a plan of three tasks, of which a budget lets one start."""
    return swarm.plan(dict.fromkeys("abc", GOOD), limits={"sessions": 1})


def held(swarm: Swarm, *words: object) -> tuple[str, str]:
    """Spawn a run and see it held; return it and the completion that tells so."""
    run = str(swarm.ask("spawn", plan_of_three(swarm), *words)["run"])
    return run, held_again(swarm, run)


def held_again(swarm: Swarm, run: str) -> str:
    """Wait as somebody whose inbox nobody looks into until a run is held."""
    seen = swarm.ask("wait", run, "--as", "watcher", "--timeout-s", LIMIT_S, code=1)
    assert (seen["state"], seen["timed_out"]) == ("running", False)
    assert seen["held"].startswith("budget sessions ")
    return str(seen["completion"])


def inbox(swarm: Swarm, asker: str = "main") -> list[dict[str, Any]]:
    return list(swarm.ask("poll", "--as", asker)["completions"])


def ids(swarm: Swarm, asker: str = "main") -> list[str]:
    return [one["completion"] for one in inbox(swarm, asker)]


def test_who_polls_is_told_once_that_a_run_is_held_and_how_it_goes_on(swarm: Swarm):
    run, end = held(swarm)

    first, again = (
        swarm.call("poll", "--as", "main"),
        swarm.call("poll", "--as", "main"),
    )

    (line,) = first.lines
    said, _, command = line.partition(" Next: ")
    assert said.startswith(f"{end} ")
    how = "ago held: budget sessions 1 spent 1; 1 succeeded, 2 queued."
    assert said.endswith(how)
    assert command == f"kimi-swarm resume {run} --sessions N"
    assert len(line) <= 170
    assert again.out == "(nothing ended that you were not told)\n"


def test_an_object_tells_held_runs_from_those_that_ended(swarm: Swarm):
    run, end = held(swarm)
    over = swarm.spawn({"a": GOOD})
    swarm.ended(over)

    first, second = inbox(swarm)

    assert (first["run"], first["completion"]) == (run, end)
    assert (first["event"], first["state"]) == ("run_stuck", "running")
    assert first["held"] == "budget sessions 1 spent 1"
    assert (second["run"], second["event"]) == (over, "run_ended")
    assert (second["state"], second["held"]) == ("done", None)


@pytest.mark.parametrize("words", [["poll"], ["poll", "RUN"], ["wait", "RUN"]])
def test_who_is_killed_before_it_told_of_a_hold_is_told_again(
    swarm: Swarm, words: list[str]
):
    run, end = held(swarm)
    words = [word.replace("RUN", run) for word in words]

    killed = swarm.call(*words, "--as", "main", "--json", env=CRASH, code=-9)

    assert end in killed.out
    assert ids(swarm) == [end]
    assert ids(swarm) == []


@pytest.mark.parametrize("verb", ["wait", "poll"])
def test_who_was_told_by_asking_for_the_run_finds_it_in_no_inbox(
    swarm: Swarm, verb: str
):
    run, end = held(swarm)

    told = swarm.call(verb, run, "--as", "main", "--json", code=None).out

    assert end in told
    assert ids(swarm) == []
    assert ids(swarm, "other") == [end]


def test_the_line_of_a_wait_begins_with_the_id_for_who_gives_a_name(swarm: Swarm):
    run, end = held(swarm)

    named = swarm.call("wait", run, "--as", "main", code=1).out
    unnamed = swarm.call("wait", run, code=1).out

    rest = " held: budget sessions 1 spent 1; 1 succeeded, 2 queued. Next: "
    command = f"kimi-swarm resume {run} --sessions N\n"
    assert named == f"{end}{rest}{command}"
    assert unnamed == f"{run}{rest}{command}"


def test_who_was_told_of_a_hold_is_told_of_the_end_by_another_id(swarm: Swarm):
    run, end = held(swarm)
    assert ids(swarm) == [end]

    swarm.call("resume", run, "--sessions", 9)
    last = swarm.ask("wait", run, "--as", "watcher")["completion"]

    assert last != end
    assert ids(swarm) == [last]


def test_a_hold_that_was_lifted_before_anybody_asked_is_not_told(swarm: Swarm):
    run, first = held(swarm)
    swarm.call("resume", run, "--sessions", 2)
    second = held_again(swarm, run)

    assert second != first
    assert ids(swarm, "early") == [second]
    swarm.call("resume", run, "--sessions", 9)
    end = swarm.ask("wait", run, "--as", "watcher")["completion"]
    assert ids(swarm) == [end]
    assert ids(swarm, "early") == [end]


def test_who_waits_for_any_run_learns_that_one_is_held(swarm: Swarm):
    gate = swarm.folder / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.02; done"
    tasks = {"a": {"argv": ["sh", "-c", script], **NONE}, "b": GOOD}
    run = swarm.spawn(tasks, limits={"sessions": 1})
    until(lambda: swarm.ask("list", run)["held"])
    assert ids(swarm) == []  # something of it works

    with swarm.start("poll", "--as", "main", "--timeout-s", str(LIMIT_S)) as poll:
        gate.touch()
        out, _ = poll.communicate(timeout=LIMIT_S)

    assert out.startswith(f"{run}#")
    assert " held: budget sessions 1 spent 1; 1 succeeded, 1 queued." in out


def test_work_that_is_added_to_a_held_run_is_told_to_be_held_too(swarm: Swarm):
    run, first = held(swarm)
    assert ids(swarm) == [first]

    swarm.call("spawn", swarm.plan({"d": GOOD}), "--into", run)
    second = held_again(swarm, run)

    assert second != first
    assert ids(swarm) == [second]
    assert "1 succeeded, 3 queued" in swarm.call("wait", run, code=1).out


def test_a_held_run_that_is_ended_is_told_once_to_have_ended(swarm: Swarm):
    run, _ = held(swarm)

    swarm.call("kill", run)

    (told,) = inbox(swarm)
    assert (told["event"], told["state"]) == ("run_ended", "done")


def test_a_supervisor_that_died_before_it_told_of_a_hold_is_made_up_for(swarm: Swarm):
    run, _ = held(swarm)
    swarm.kill_supervisor()
    swarm.sql("UPDATE runs SET stuck_seq = NULL")
    swarm.sql("DELETE FROM events WHERE name = 'run_stuck'")

    told = swarm.ask("poll", "--as", "main", "--timeout-s", 50)["completions"]

    assert [(one["run"], one["event"]) for one in told] == [(run, "run_stuck")]


def test_a_budget_of_the_day_names_what_wait_names(swarm: Swarm):
    swarm.own_config(budgets={"day": {"tokens": 1}})
    swarm.teach("spender", worker("tells_usage.py"), expect="answer")
    spend = {"profile": "spender", "prompt": TELLS, "role": "none", **NONE}
    run = swarm.spawn(dict.fromkeys("ab", spend), limits={"concurrency": 1})
    swarm.call("wait", run, "--as", "watcher", code=1)

    (line,) = swarm.call("poll", "--as", "main").lines

    assert "held: budget of the day tokens 1 spent 1000; 1 succeeded, 1 queued" in line
    helps = "Raise budgets.day in config.yaml first. Next: kimi-swarm resume"
    assert line.endswith(f"{helps} {run}")


def test_a_host_is_told_that_a_run_is_held_and_later_that_it_ended(
    swarm: Swarm, host: FakeHost
):
    host.go_up()
    run, end = held(swarm, "--notify", KEY)

    (text,) = host.wait_for(1)
    until(lambda: notice_of(swarm, run)["state"] == "accepted")
    assert notice_of(swarm, run)["completion"] == end
    how = " held: budget sessions 1 spent 1; 1 succeeded, 2 queued. Next: "
    assert text.startswith(f"{end}{how}")
    assert text.endswith(f" resume {run} --sessions N")
    assert len(text) <= 170

    swarm.call("resume", run, "--sessions", 9)
    host.wait_for(2)
    until(lambda: notice_of(swarm, run)["state"] == "accepted")
    last = notice_of(swarm, run)["completion"]
    assert host.ids == [end, last]
    assert ids(swarm, KEY) == [last]


def test_who_was_told_of_a_hold_by_a_wait_is_notified_of_the_end_alone(
    swarm: Swarm, host: FakeHost
):
    host.go_up()
    run, _ = held(swarm, "--notify", KEY)
    swarm.call("wait", run, "--as", KEY, code=1)
    until(lambda: notice_of(swarm, run)["state"] == "told")

    swarm.call("resume", run, "--sessions", 9)

    (text,) = host.wait_for(1)
    assert ": 3 succeeded. Next: " in text


def test_a_notice_of_a_hold_waits_again_when_the_run_goes_on(
    swarm: Swarm, host: FakeHost
):
    run, end = held(swarm, "--notify", KEY)
    until(lambda: host.refusals)
    assert notice_of(swarm, run)["completion"] == end
    gate = swarm.folder / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.02; done"
    more = swarm.plan({"d": {"argv": ["sh", "-c", script], **NONE}})
    swarm.call("spawn", more, "--into", run)

    swarm.call("resume", run, "--sessions", 9)
    host.go_up()
    swarm.until_state(f"{run}/d", "running")
    waiting = notice_of(swarm, run)
    gate.touch()

    (text,) = host.wait_for(1)
    assert (waiting["state"], waiting["completion"]) == ("waiting", None)
    assert ": 4 succeeded. Next: " in text


def test_a_hold_that_no_host_accepted_is_named_by_doctor(swarm: Swarm, host: FakeHost):
    run, _ = held(swarm, "--notify", KEY)
    until(lambda: notice_of(swarm, run)["tries"])
    swarm.sql("UPDATE notices SET tries = 199, due_at = 0")
    swarm.kill_supervisor()
    until(lambda: notice_of(swarm, run)["state"] == "given_up")

    problems = swarm.ask("doctor", code=1)["problems"]

    told = f"{KEY} could not be told that {run} is held"
    assert any(told in one for one in problems)
    until(lambda: not swarm.processes())


def test_a_person_who_watches_a_run_is_not_left_waiting_for_a_budget(swarm: Swarm):
    done = swarm.call("run", plan_of_three(swarm), code=1)

    assert "held: budget sessions 1 spent 1; 1 succeeded, 2 queued." in done.err
    assert "resume " in done.err
    assert "--sessions N" in done.err
    assert "2 queued, 1 succeeded — held: budget sessions 1 spent 1" in done.lines[0]
    assert re.search(r"Next: kimi-swarm resume \S+ --sessions N$", done.lines[-1])
