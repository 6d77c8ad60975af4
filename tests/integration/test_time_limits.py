"""Workers that never speak, fall silent, or only talk slowly; and who ends them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import WORKERS, Swarm, until, with_session, worker

QUICK_S = 1.0
"""A limit that breaks soon; what must not break it talks several times within it."""


def talker(swarm: Swarm, program: str, *words: object, **fields: Any) -> None:
    """Make a profile `talker` that runs one of the wicked workers."""
    runner = sys.executable if program.endswith(".py") else "/bin/sh"
    profile: dict[str, Any] = {
        "summary": "A made-up agent of few words.",
        "kind": "cli",
        "program": runner,
        "argv": [str(WORKERS / program), *map(str, words)],
        "prompt_via": "stdin",
        "merge_stderr": True,
        "grace_s": 0.5,
        "sends_to": "Nothing leaves the machine.",
        **fields,
    }
    swarm.own_profile("talker", **profile)
    swarm.repository()


def task(**fields: Any) -> dict[str, Any]:
    plain = {"prompt": "Go", "profile": "talker", "role": "none", "retries": 0}
    return {"a": {**plain, **fields}}


def told(session: dict[str, Any]) -> tuple[str, str, str]:
    return session["outcome"], session["reason"], session["message"]


def test_a_worker_that_never_spoke_is_ended_and_told_apart(swarm: Swarm):
    talker(swarm, "silent.sh", first_output_s=QUICK_S, silence_s=300)
    run = swarm.spawn(task())
    done = swarm.ended(run)["a"]
    assert told(done) == (
        "timed_out",
        "first_output",
        "It wrote nothing at all in its first 1 s.",
    )
    assert "first_output_s" in done["remedy"]
    assert with_session(done["id"]) == []


def test_a_worker_that_fell_silent_is_ended_and_its_work_is_kept(swarm: Swarm):
    talker(swarm, "stalls.sh", "kept.txt", first_output_s=300, silence_s=QUICK_S)
    run = swarm.spawn(task())
    done = swarm.ended(run)["a"]
    assert told(done) == (
        "timed_out",
        "stalled",
        "It wrote nothing more for 1 s.",
    )
    assert "silence_s" in done["remedy"]
    assert swarm.call("log", done["id"]).out == "| on it\n"
    assert committed(swarm, done["branch"], "kept.txt") == "half done\n"
    assert with_session(done["id"]) == []


def test_a_worker_that_talks_slowly_outlives_its_silence_many_times(swarm: Swarm):
    talker(swarm, "talks_slowly.sh", 10, 0.3, silence_s=QUICK_S, first_output_s=QUICK_S)
    run = swarm.spawn(task(expect="answer"))
    done = swarm.ended(run)["a"]
    assert (done["outcome"], done["reason"]) == ("succeeded", "answer")
    assert swarm.call("log", done["id"]).lines[-1] == "| word 10"


def test_a_plan_s_own_limit_of_silence_comes_before_the_profile_s(swarm: Swarm):
    talker(swarm, "stalls.sh", silence_s=300)
    run = swarm.spawn(task(silence_s=QUICK_S))
    assert swarm.ended(run)["a"]["reason"] == "stalled"


def test_a_plan_may_lift_the_profile_s_limits_of_silence(swarm: Swarm):
    talker(swarm, "talks_slowly.sh", 2, 2, silence_s=QUICK_S, first_output_s=0.001)
    run = swarm.spawn(task(silence_s=0, first_output_s=0, expect="answer"))
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_talking_does_not_outlive_the_hard_limit(swarm: Swarm):
    talker(swarm, "talks_slowly.sh", 10_000, 0.2, silence_s=QUICK_S)
    run = swarm.spawn(task(timeout_s=2))
    done = swarm.ended(run)["a"]
    assert told(done) == ("timed_out", "time_limit", "It was not done after 2 s.")
    assert "timeout_s" in done["remedy"]


def test_the_runs_own_limit_is_told_apart_and_names_its_seconds(swarm: Swarm):
    talker(swarm, "stalls.sh", silence_s=300)
    run = swarm.spawn(task(), limits={"wall_s": 6})  # it starts well before
    done = swarm.ended(run)["a"]
    assert told(done) == (
        "timed_out",
        "run_time_limit",
        "The run's time of 6 s was up.",
    )
    assert "limits.wall_s" in done["remedy"]


@pytest.mark.parametrize(
    ("program", "reason"), [("silent.sh", "first_output"), ("stalls.sh", "stalled")]
)
def test_silence_has_its_limit_without_a_supervisor(
    swarm: Swarm, program: str, reason: str
):
    talker(swarm, program, first_output_s=3, silence_s=3)
    run = swarm.spawn(task())
    session = f"{run}/a"
    until(lambda: with_session(session))
    swarm.kill_supervisor()
    assert with_session(session)

    until(lambda: not with_session(session))
    assert swarm.supervisors() == []
    done = swarm.ended(run)["a"]
    assert (done["outcome"], done["reason"]) == ("timed_out", reason)


def test_silence_also_ends_what_ignores_the_word(swarm: Swarm):
    pids = swarm.folder / "pids"
    pids.mkdir()
    talker(swarm, "ignores_term.py", pids, first_output_s=2, grace_s=0.2)
    run = swarm.spawn(task())
    until(lambda: len(list(pids.iterdir())) == 2)
    done = swarm.ended(run)["a"]
    assert (done["reason"], done["exit_code"]) == ("first_output", -9)
    assert with_session(done["id"]) == []


def test_waiting_for_an_answer_at_a_terminal_is_no_silence(swarm: Swarm):
    asks_at_terminal(swarm, silence_s=QUICK_S)
    run = swarm.spawn(task())
    until(lambda: swarm.sessions(run)["a"]["asking"])
    other = swarm.spawn({"b": {"argv": worker("talks_slowly.sh", 6, 0.5)}})
    swarm.ended(other)  # several limits of silence later

    still = swarm.sessions(run)["a"]
    assert (still["state"], bool(still["asking"])) == ("running", True)
    swarm.call("send", still["id"], "yes")
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_nobody_waits_for_an_answer_beyond_the_hard_limit(swarm: Swarm):
    asks_at_terminal(swarm, silence_s=QUICK_S)
    run = swarm.spawn(task(timeout_s=3))
    done = swarm.ended(run)["a"]
    assert (done["outcome"], done["reason"]) == ("timed_out", "time_limit")
    assert done["asking"] is None


def asks_at_terminal(swarm: Swarm, **fields: Any) -> None:
    talker(swarm, "asks_at_terminal.py", "{prompt_file}", "notes.txt", **fields)
    path = swarm.folder / "home/.config/kimi-swarm/profiles/talker.yaml"
    text = path.read_text("utf-8").replace('"prompt_via": "stdin"', TERMINAL)
    path.write_text(text, "utf-8")


TERMINAL = r'"prompt_via": "file", "pty": true, "asks": "\\[yes/no\\] *$"'


def committed(swarm: Swarm, branch: str, name: str) -> str:
    repository: Path = swarm.repository()
    shown = ["git", "-C", str(repository), "show", f"{branch}:{name}"]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout
