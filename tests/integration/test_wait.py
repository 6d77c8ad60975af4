"""wait: one line of at most 170 characters that says how it stands."""

from __future__ import annotations

import re

from fakes.swarm import Swarm, worker

NONE = {"workspace": "none"}
LINE_CHARS = 170
LONG = "a-task-whose-name-is-as-long-as-names-get-"


def line_of(swarm: Swarm, *words: object, code: int) -> str:
    done = swarm.call("wait", *words, code=code)
    assert done.out.endswith("\n")
    (line,) = done.lines
    assert len(line) <= LINE_CHARS, line
    return line


def test_it_tells_how_a_run_ended_in_one_short_line(swarm: Swarm):
    good = swarm.spawn({"a": {"argv": ["true"], **NONE}})
    tasks = {f"{LONG[:38]}{n}": {"argv": ["false"], **NONE} for n in range(12)}
    bad = swarm.spawn({**tasks, "good": {"argv": ["true"], **NONE}})

    of_good = line_of(swarm, good, code=0)
    of_bad = line_of(swarm, bad, code=1)

    assert of_good == f"{good}: 1 succeeded. Next: kimi-swarm aggregate {good}"
    assert of_bad.startswith(f"{bad}: 12 failed, 1 succeeded (")
    assert of_bad.endswith(f" aggregate {bad}")


def test_it_gives_up_when_told_to(swarm: Swarm):
    run = swarm.spawn({f"{LONG[:40]}x": {"argv": worker("silent.sh"), **NONE}})

    line = line_of(swarm, run, "--timeout-s", "0.2", code=124)

    assert line.startswith(f"{run} still running: 1 ")
    assert swarm.ask("wait", run, "--timeout-s", "0", code=124)["timed_out"] is True


def test_each_end_is_told_once_to_each_asker(swarm: Swarm):
    name = f"{LONG[:40]}x"
    run = swarm.spawn(
        {
            name: {"argv": ["false"], **NONE},
            "after": {"argv": ["true"], **NONE, "needs": [name]},
            "good": {"argv": ["true"], **NONE},
        },
        limits={"concurrency": 1},
    )
    swarm.call("wait", run, code=1)

    told = [swarm.ask("wait", run, "--any", code=None)["ended"] for _ in range(4)]
    line = line_of(swarm, run, "--any", "--as", "ada", code=1)

    assert set(told[:3]) == {f"{run}/{task}" for task in (name, "after", "good")}
    assert told[3] is None
    assert re.match(rf"{run}/{name}#\d+ failed \(exit_code\)[;.]", line)


def test_any_end_is_told_while_others_run(swarm: Swarm):
    run = swarm.spawn(
        {"a": {"argv": ["true"], **NONE}, "b": {"argv": worker("silent.sh"), **NONE}}
    )

    line = line_of(swarm, run, "--any", code=0)
    swarm.call("wait", run, "--any", "--timeout-s", "0.1", code=124)

    assert line.startswith(f"{run}/a succeeded (exit_ok); {run}: ")
    assert line.endswith(f"Next: kimi-swarm log {run}/a")


def test_an_end_is_found_behind_more_than_a_thousand_queued_tasks(swarm: Swarm):
    tasks = {f"t{n}": {"argv": worker("silent.sh"), **NONE} for n in range(1_100)}
    tasks["t0"] = {"argv": ["true"], **NONE}
    run = swarm.spawn(tasks, limits={"concurrency": 1})

    seen = swarm.ask("wait", run, "--any", "--timeout-s", "60")

    assert seen["ended"] == f"{run}/t0"
    events = swarm.ask("poll", run)["events"]
    assert (events[1]["event"], events[1]["session"]) == ("ended", f"{run}/t0")


def test_at_a_long_path_parts_of_what_ended_are_left_out_and_none_is_cut(swarm: Swarm):
    tasks = {f"t{n}": {"argv": ["true"], **NONE} for n in range(3)}
    run = swarm.spawn({**tasks, "bad": {"argv": ["false"], **NONE}})
    swarm.call("wait", run, code=1)
    told = set()
    for count in range(0, 130, 10):
        env = {"KIMI_SWARM_PROG": f"python3 /{'s' * count}/swarm.py"}
        asker = ("--any", "--as", f"asker-{count}")
        done = swarm.call("wait", run, *asker, code=None, env=env)
        happened, _, command = done.out.rstrip().partition(" Next: ")
        assert len(done.out) <= LINE_CHARS + 1
        assert re.search(rf"log {run}/\w+$", command)
        told.add(re.sub(rf"{run}/(\w+)#\d+", "END", happened))
    how = r"(succeeded|failed) \(exit_\w+\)"
    shapes = [rf"END {how}; {run}: [^;…]*\.", rf"END {how}\.", rf"{how}\."]
    assert [one for one in told if not re.fullmatch("|".join(shapes), one)] == []
    assert len(told) > 1
