"""Results that tasks ask for: weighed, mended at most twice, marked, or failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import Swarm, until, with_session, worker

SCHEMA = {
    "type": "object",
    "required": ["summary"],
    "properties": {"summary": {"type": "string"}},
}
QUICK = {"retry_delay_s": 0}


@pytest.fixture
def turns(swarm: Swarm) -> Path:
    """A folder in which workers count their turns; and a repository."""
    swarm.repository()
    folder = swarm.folder / "turns"
    folder.mkdir()
    return folder


def asked(
    swarm: Swarm,
    turns: Path,
    *,
    times: int = 0,
    how: str = "misfit",
    right: str = "plain",
    resumes: bool = True,
    **fields: Any,
) -> dict[str, Any]:
    """Teach a profile that goes wrong so often in this way; return a task for it."""
    interpreter, *words = worker("corrects_itself.py", turns, times, how, right)
    resume = [*words, "--resume", "{conversation}"] if resumes else []
    swarm.own_profile(
        "fickle",
        summary="Corrects itself.",
        kind="cli",
        program=interpreter,
        argv=words,
        resume=resume,
        prompt_via="stdin",
        dialect="swarm",
        grace_s=0.5,
        sends_to="Nothing leaves the machine.",
    )
    task = {"prompt": "Do it.", "profile": "fickle", "role": "none", "result": SCHEMA}
    return {**task, **fields}


def taken(turns: Path) -> int:
    return len(list(turns.glob("a-*")))


def reported(swarm: Swarm, run: str, *, code: int = 0) -> dict[str, Any]:
    (task,) = swarm.ask("aggregate", run, code=code)["tasks"]
    return dict(task)


def files_of(swarm: Swarm, branch: str) -> list[str]:
    shown = ["git", "-C", str(swarm.repository()), "ls-tree", "--name-only", branch]
    done = subprocess.run(shown, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_result_that_fits_is_brought_back(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns)})
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["reason"]) == ("succeeded", "changes")
    assert one["result"] == {"state": "valid", "repairs": 0}
    told = reported(swarm, run)
    assert (told["result"], told["result_state"]) == ({"summary": "turn 1"}, "valid")
    text = swarm.call("aggregate", run).out
    assert '> Result: {"summary": "turn 1"}' in text.splitlines()
    assert taken(turns) == 1


@pytest.mark.parametrize("how", ["misfit", "prose"])
@pytest.mark.parametrize("times", [1, 2])
def test_one_that_does_not_fit_is_mended_in_the_same_conversation_and_marked(
    swarm: Swarm, turns: Path, times: int, how: str
):
    last = f"test -s turn-{times + 1}.txt && git diff --quiet HEAD"
    task = asked(swarm, turns, times=times, how=how, check=last)
    run = swarm.spawn({"a": task})
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["id"]) == ("succeeded", f"{run}/a")
    assert one["check"]["exit_code"] == 0
    assert one["result"]["state"] == "degraded"
    assert one["result"]["repairs"] == times == taken(turns) - 1
    assert one["usage"]["input_tokens"] == 10 * (times + 1)
    assert f"turn-{times + 1}.txt" in files_of(swarm, one["branch"])
    words, order = (turns / "a-2").read_text().split("\n", 1)
    assert words == "--resume c-1"
    assert '{"type":"object","required":["summary"]' in order
    assert "| " not in order
    assert reported(swarm, run)["result"] == {"summary": f"turn {times + 1}"}
    assert "(changes, degraded result)" in swarm.call("list", run).out
    assert "Result degraded: it fitted only" in swarm.call("aggregate", run).out
    log = swarm.call("log", f"{run}/a").lines
    assert [line for line in log if not line.startswith("|")] == [
        f"[repair {number}]" for number in range(1, times + 1)
    ]


def test_one_that_never_fits_has_failed_and_is_not_tried_again(
    swarm: Swarm, turns: Path
):
    run = swarm.spawn({"a": asked(swarm, turns, times=99)}, defaults=QUICK)
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["reason"], one["id"]) == (
        *("failed", "bad_result"),
        f"{run}/a",
    )
    why = "after 2 repair turns: summary: 3 is not of type 'string'."
    assert why in one["message"]
    assert one["result"]["problems"] == ["summary: 3 is not of type 'string'."]
    assert one["result"]["answer"] == '{"summary": 3}'
    assert taken(turns) == 3
    assert "turn-3.txt" in files_of(swarm, one["branch"])
    told = reported(swarm, run, code=1)
    assert (told["result"], told["result_state"]) == (None, "bad")


def test_without_a_way_to_resume_the_answer_is_quoted_as_data(
    swarm: Swarm, turns: Path
):
    run = swarm.spawn({"a": asked(swarm, turns, times=1, resumes=False)})
    one = swarm.ended(run)["a"]

    assert one["result"]["state"] == "degraded"
    words, order = (turns / "a-2").read_text().split("\n", 1)
    assert words == ""
    assert '| {"summary": 1}' in order.splitlines()
    assert "- summary: 1 is not of type 'string'." in order.splitlines()


def test_one_that_stands_among_other_words_is_marked(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, right="dug")})

    assert swarm.ended(run)["a"]["result"] == {
        "state": "degraded",
        "repairs": 0,
        "why": "it stood among other words",
    }
    assert reported(swarm, run)["result"] == {"summary": "turn 1"}


def test_a_long_result_comes_back_whole_and_not_in_lists(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, right="long")})
    swarm.ended(run)

    assert len(reported(swarm, run)["result"]["summary"]) > 199_990
    assert len(swarm.call("list", run, "--json").out) < 10_000
    assert len(swarm.call("aggregate", run).out) < 2_000


def test_one_that_is_too_long_is_told_so(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, right="endless")})
    one = swarm.ended(run)["a"]

    assert one["reason"] == "bad_result"
    assert "longer than 256 KiB" in one["message"]


def test_wrong_bytes_in_a_result_do_no_harm(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, right="bytes")})
    swarm.ended(run)

    assert reported(swarm, run)["result"]["summary"].endswith("\ufffd sane")


def test_no_result_steers_a_terminal_or_opens_a_line(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, right="steers")})
    swarm.ended(run)

    text = swarm.call("aggregate", run).out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert [line for line in text.splitlines() if "calm-river" in line] == [
        line for line in text.splitlines() if line.startswith("> Result: ")
    ]
    assert "\x1b" not in reported(swarm, run)["result"]["summary"]


def test_a_crash_in_a_repair_turn_leaves_one_more(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, times=2, how="crash")})
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["exit_code"]) == ("succeeded", 0)
    assert one["result"]["repairs"] == 2


def test_crashes_in_every_repair_turn_fail_the_result(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, times=9, how="crash")}, defaults=QUICK)
    one = swarm.ended(run)["a"]

    assert (one["reason"], one["exit_code"]) == ("bad_result", 0)
    assert "A repair turn failed. It ended with exit code 7." in one["message"]
    assert one["result"]["answer"] == '{"summary": 1}'
    assert taken(turns) == 3


def test_a_fault_of_the_provider_in_a_repair_turn_is_one_of_the_session(
    swarm: Swarm, turns: Path
):
    task = asked(swarm, turns, times=2, how="fault", retries=1)
    run = swarm.spawn({"a": task}, defaults=QUICK)
    swarm.ended(run)

    first, second = swarm.ask("list", run)["sessions"]
    assert (first["outcome"], first["reason"]) == ("failed", "provider")
    assert (second["outcome"], second["follows"]) == ("succeeded", first["id"])
    assert second["result"] == {"state": "valid", "repairs": 0}
    assert taken(turns) == 3


def test_a_kill_ends_a_repair_turn(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, times=2, how="hang")})
    until(lambda: taken(turns) == 2)

    swarm.call("kill", run)

    one = swarm.ended(run)["a"]
    assert (one["outcome"], one["reason"]) == ("cancelled", "killed")
    assert with_session(f"{run}/a") == []
    assert "turn-2.txt" in files_of(swarm, one["branch"])


def test_a_repair_turn_has_only_the_time_that_is_left(swarm: Swarm, turns: Path):
    task = asked(swarm, turns, times=2, how="hang", timeout_s=2)
    run = swarm.spawn({"a": task})
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["reason"]) == ("timed_out", "time_limit")
    assert one["message"] == "It was not done after 2 s."


def test_a_repair_turn_outlives_its_supervisor_and_is_not_taken_twice(
    swarm: Swarm, turns: Path
):
    run = swarm.spawn({"a": asked(swarm, turns, times=1, right="waits")})
    until(lambda: taken(turns) == 2)

    swarm.kill_supervisor()
    swarm.call("list")
    swarm.supervisor()
    (turns / "gate").touch()

    one = swarm.ended(run)["a"]
    assert (one["outcome"], one["result"]["repairs"]) == ("succeeded", 1)
    assert one["usage"]["input_tokens"] == 20
    assert taken(turns) == 2


def test_a_repair_turn_that_is_over_is_not_taken_again(swarm: Swarm, turns: Path):
    swarm.env["KIMI_SWARM_CRASH_AT"] = "supervisor.before_ended"
    run = swarm.spawn({"a": asked(swarm, turns, times=2)})

    until((swarm.home / "crash_point.supervisor.before_ended").exists)
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["result"]["repairs"]) == ("succeeded", 2)
    assert taken(turns) == 3


def test_a_kill_finds_a_repair_turn_that_lost_its_supervisor(swarm: Swarm, turns: Path):
    run = swarm.spawn({"a": asked(swarm, turns, times=2, how="hang")})
    until(lambda: taken(turns) == 2)
    swarm.kill_supervisor()

    swarm.call("kill", run)

    assert swarm.ended(run)["a"]["outcome"] == "cancelled"
    assert with_session(f"{run}/a") == []
    assert taken(turns) == 2


def test_a_repair_turn_whose_shim_is_killed_is_lost(swarm: Swarm, turns: Path):
    task = asked(swarm, turns, times=2, how="hang", retries=0)
    run = swarm.spawn({"a": task})
    until(lambda: taken(turns) == 2)

    record = swarm.home / "runs" / run / "a" / "repair-1" / "shim.json"
    os.kill(json.loads(record.read_text("utf-8"))["pid"], signal.SIGKILL)

    one = swarm.ended(run)["a"]
    assert (one["outcome"], one["reason"]) == ("lost", "no_exit_record")
    assert with_session(f"{run}/a") == []


@pytest.mark.parametrize(
    ("line", "outcome", "state"),
    [
        ('echo working; echo \'{"summary": "s"}\'', "succeeded", "valid"),
        ('echo \'{"summary": "s"}\'; echo done', "succeeded", "degraded"),
        ("echo done", "failed", "bad"),
        ("true", "failed", "bad"),
    ],
)
def test_a_command_is_asked_once(swarm: Swarm, line: str, outcome: str, state: str):
    task = {"argv": ["sh", "-c", line], "workspace": "none", "result": SCHEMA}
    run = swarm.spawn({"a": task})
    one = swarm.ended(run)["a"]

    assert (one["outcome"], one["result"]["state"]) == (outcome, state)
    assert one["result"]["repairs"] == 0
    assert ("takes no prompt" in (one["message"] or "")) is (outcome == "failed")


def test_the_demo_worker_gives_results_and_can_be_wrong_at_first(swarm: Swarm):
    swarm.repository()
    tasks = {
        "right": {"prompt": "Create `a.txt` with a word", "result": SCHEMA},
        "wrong": {
            "prompt": "Answer wrongly at first",
            "expect": "answer",
            "result": SCHEMA,
        },
    }
    run = swarm.spawn(tasks, defaults={"profile": "demo"})
    ended = swarm.ended(run)

    assert {name: one["result"]["state"] for name, one in ended.items()} == {
        "right": "valid",
        "wrong": "degraded",
    }


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "thing"}, "is no JSON schema: at type:"),
        ({"$ref": "other.json"}, "refers to other.json"),
        ({"pattern": "("}, "is no JSON schema: at pattern: '(' is not"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_and_nothing_is_changed(
    swarm: Swarm, schema: dict[str, Any], told: str
):
    tasks = {"a": {"profile": "demo", "prompt": "x", "result": schema}}
    path = swarm.plan(tasks, repo="new")
    for verb in ("plan", "spawn"):
        error = swarm.ask(verb, path, code=2)["error"]
        assert error["code"] == "plan"
        assert f"tasks.a.result: {told}" in error["message"]
    assert not swarm.home.exists()
