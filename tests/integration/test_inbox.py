"""The inbox: every end is told to each asker at least once, with one id for ever."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from fakes.swarm import LIMIT_S, Swarm, until, worker

NONE = {"workspace": "none"}
CRASH = {"KIMI_SWARM_CRASH_AT": "asker.before_told"}
GOOD = {"a": {"argv": ["true"], **NONE}}


def owned(swarm: Swarm, owner: str, tasks: dict[str, Any] | None = None) -> str:
    plan = swarm.plan(tasks or GOOD)
    return str(swarm.ask("spawn", plan, "--as", owner)["run"])


def inbox(swarm: Swarm, *words: object) -> list[str]:
    told = swarm.ask("poll", *words)["completions"]
    return [one["completion"] for one in told]


def ended(swarm: Swarm, run: str) -> str:
    """Wait as somebody whose inbox nobody looks into; return the end's id."""
    return str(swarm.ask("wait", run, "--as", "watcher", code=None)["completion"])


def test_who_lost_its_waiting_call_asks_once_and_learns_of_every_run(swarm: Swarm):
    runs = [swarm.spawn(GOOD) for _ in range(2)]
    ends = [ended(swarm, run) for run in runs]

    first, again = (
        swarm.call("poll", "--as", "main"),
        swarm.call("poll", "--as", "main"),
    )

    for run, end, line in zip(runs, ends, first.lines, strict=True):
        assert line.startswith(f"{end} ")
        assert line.endswith(f"ago: 1 succeeded. Next: kimi-swarm aggregate {run}")
    assert again.out == "(nothing ended that you were not told)\n"
    assert inbox(swarm, "--as", "other") == ends
    assert inbox(swarm) == ends


def test_whoever_has_runs_of_its_own_is_not_told_what_ended_before_it_came(
    swarm: Swarm,
):
    old = ended(swarm, swarm.spawn(GOOD))
    own = ended(swarm, owned(swarm, "ann"))
    nobodys = ended(swarm, swarm.spawn(GOOD))

    assert inbox(swarm, "--as", "ann") == [own, nobodys]
    assert inbox(swarm, "--as", "other") == [old, nobodys]


def test_what_a_wait_told_is_not_in_the_inbox_of_that_asker(swarm: Swarm):
    run, other = swarm.spawn(GOOD), swarm.spawn(GOOD)
    end = ended(swarm, other)

    line = swarm.call("wait", run, "--as", "main").out

    told = swarm.ask("wait", run, "--as", "main")["completion"]
    assert line == f"{told}: 1 succeeded. Next: kimi-swarm aggregate {run}\n"
    assert inbox(swarm, "--as", "main") == [end]
    assert sorted(inbox(swarm, "--as", "other")) == sorted([told, end])


def test_a_poll_of_the_run_tells_its_end_too(swarm: Swarm):
    run = swarm.spawn(GOOD)
    end = ended(swarm, run)

    events = swarm.ask("poll", run, "--as", "main")["events"]

    assert events[-1]["completion"] == end
    assert inbox(swarm, "--as", "main") == []


def test_a_run_that_goes_on_has_another_end_with_another_id(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": ["false"], **NONE}})
    first = ended(swarm, run)
    assert inbox(swarm, "--as", "main") == [first]

    swarm.call("retry", run)
    second = ended(swarm, run)

    assert second != first
    assert inbox(swarm, "--as", "main") == [second]


def test_of_a_run_that_goes_on_an_end_that_nobody_told_says_so(swarm: Swarm):
    run = swarm.spawn(GOOD)
    end = ended(swarm, run)
    more = swarm.plan({"b": {"argv": worker("silent.sh"), **NONE}})
    swarm.call("spawn", more, "--into", run)
    swarm.until_state(f"{run}/b", "running")

    (line,) = swarm.call("poll").lines

    assert line.startswith(f"{end} ")
    assert "ago, and goes on: 1 succeeded, 1 running. Next: " in line
    assert line.endswith(f" wait {run}")


def test_it_waits_for_any_run_to_end(swarm: Swarm):
    gate = swarm.folder / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.02; done"
    run = swarm.spawn({"a": {"argv": ["sh", "-c", script], **NONE}})
    swarm.call("poll", "--timeout-s", "0.1", code=124)

    with swarm.start("poll", "--timeout-s", str(LIMIT_S)) as poll:
        gate.touch()
        out, _ = poll.communicate(timeout=LIMIT_S)

    assert out.startswith(f"{run}#")
    assert poll.returncode == 0


@pytest.mark.parametrize(
    "words",
    [["poll"], ["poll", "RUN"], ["poll", "RUN/a"], ["wait", "RUN", "--any"]],
    ids=["inbox", "run", "session", "any end"],
)
def test_who_is_killed_before_it_could_say_that_it_told_is_told_again(
    swarm: Swarm, words: list[str]
):
    run = swarm.spawn({"a": {"argv": ["echo", "hello"], **NONE}})
    ended(swarm, run)
    words = [word.replace("RUN", run) for word in words]

    killed = swarm.call(*words, "--as", "main", "--json", env=CRASH, code=-9)
    again = swarm.call(*words, "--as", "main", "--json")
    after = swarm.call(*words, "--as", "main", "--json")

    assert killed.out == again.out != ""
    assert after.out != again.out


def test_an_end_that_a_killed_wait_printed_stays_in_the_inbox(swarm: Swarm):
    run = swarm.spawn(GOOD)
    end = ended(swarm, run)

    swarm.call("wait", run, "--as", "main", env=CRASH, code=-9)

    assert inbox(swarm, "--as", "main") == [end]


@pytest.mark.parametrize("words", [["poll"], ["wait", "RUN"], ["poll", "RUN"]])
def test_who_has_nobody_to_read_it_has_told_nothing(swarm: Swarm, words: list[str]):
    run = swarm.spawn(GOOD)
    end = ended(swarm, run)
    words = [word.replace("RUN", run) for word in words]

    reading, writing = os.pipe()
    os.close(reading)
    command = [*swarm.command, *words, "--as", "main"]
    for given in (writing, None):
        # Without standard output at all, and with one that nobody reads.
        closing = ["sh", "-c", 'exec "$@" >&-', "sh"] if given is None else []
        subprocess.run(
            [*closing, *command],
            env=swarm.env,
            stdout=given,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    os.close(writing)

    assert inbox(swarm, "--as", "main") == [end]


def test_each_agent_sees_its_own_runs_and_ends_only_those(swarm: Swarm):
    quiet = {"a": {"argv": worker("silent.sh"), **NONE}}
    of_ada, of_bob = owned(swarm, "ada", quiet), owned(swarm, "agent:bob:main", quiet)
    nobody_s = swarm.spawn(quiet)
    for run in (of_ada, of_bob, nobody_s):
        swarm.until_state(f"{run}/a", "running")

    seen = swarm.ask("list", "--as", "ada")["runs"]
    swarm.call("kill", "--all", "--as", "ada")

    assert [(one["run"], one["owner"]) for one in seen] == [(of_ada, "ada")]
    assert swarm.ask("list", of_ada)["state"] == "done"
    assert {one["run"] for one in swarm.ask("list")["runs"]} == {
        of_ada,
        of_bob,
        nobody_s,
    }
    assert swarm.sessions(of_bob)["a"]["state"] == "running"
    assert swarm.sessions(nobody_s)["a"]["state"] == "running"
    assert [end.partition("#")[0] for end in inbox(swarm, "--as", "ada")] == [of_ada]
    assert inbox(swarm, "--as", "agent:bob:main") == []


def test_an_agent_is_told_of_runs_that_belong_to_nobody(swarm: Swarm):
    run = swarm.spawn(GOOD)
    end = ended(swarm, run)

    assert inbox(swarm, "--as", "ada") == [end]


def test_no_more_is_told_at_once_than_can_be_read(swarm: Swarm):
    runs = [swarm.spawn(GOOD) for _ in range(3)]
    ends = [ended(swarm, run) for run in runs]
    # As if there had been many: ends of these runs, each an event of its own.
    swarm.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)"
        " INSERT INTO events (run, session, name, at, data)"
        " SELECT id, NULL, 'run_ended', 1, '{}' FROM n, runs LIMIT 20"
    )

    first = swarm.ask("poll")
    second = swarm.ask("poll")

    assert [one["completion"] for one in first["completions"]][:3] == ends
    assert (len(first["completions"]), first["has_more"]) == (20, True)
    assert (len(second["completions"]), second["has_more"]) == (3, False)


def test_a_cleared_run_is_in_no_inbox_and_leaves_no_trace_there(swarm: Swarm):
    run = swarm.spawn(GOOD)
    ended(swarm, run)
    swarm.call("wait", run, "--as", "main")
    swarm.call("poll", "--as", "main")

    swarm.call("clear", run)

    assert inbox(swarm) == []
    assert swarm.rows("SELECT * FROM cursors") == []


def test_reading_the_log_of_a_task_called_ends_is_no_matter_of_any_end(swarm: Swarm):
    run = swarm.spawn({"ends": {"argv": ["seq", "99"], **NONE}})
    ended(swarm, run)
    swarm.call("wait", run, "--any")

    assert len(swarm.ask("poll", f"{run}/ends")["lines"]) == 99


@pytest.mark.parametrize(
    "words",
    [
        ["list", "RUN", "--as", "ada"],
        ["kill", "RUN", "--as", "ada"],
        ["spawn", "PLAN", "--into", "RUN", "--as", "ada"],
        ["spawn", "PLAN", "--as", "two words"],
        ["spawn", "PLAN", "--as", ""],
    ],
)
def test_a_name_that_fits_nothing_is_refused(swarm: Swarm, words: list[str]):
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    until(lambda: swarm.sessions(run)["a"]["state"] == "running")
    plan = swarm.plan({"b": {"argv": ["true"], **NONE}})
    given = {"RUN": run, "PLAN": str(plan)}

    swarm.ask(*(given.get(word, word) for word in words), code=2)

    assert len(swarm.ask("list")["runs"]) == 1
    assert swarm.sessions(run).keys() == {"a"}
    assert swarm.sessions(run)["a"]["state"] == "running"
