"""Tries after faults that may pass, by themselves and by `retry`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import Swarm, until, worker

QUICK = {"retry_delay_s": 0}


@pytest.fixture
def lives(swarm: Swarm) -> Path:
    """A folder in which fickle workers count their lives; and a repository."""
    swarm.repository()
    folder = swarm.folder / "lives"
    folder.mkdir()
    return folder


def fickle(
    swarm: Swarm,
    lives: Path,
    *,
    times: int = 1,
    how: str = "provider",
    name: str = "fickle",
    **fields: Any,
) -> dict[str, Any]:
    """Teach a profile that fails so often in this way; return a task for it."""
    argv = worker("fails_first.py", lives, times, how)
    resume = [*argv[1:], "--resume", "{conversation}"]
    swarm.teach(name, argv, **{"resume": resume, **fields})
    return {"prompt": "Do it.", "profile": name, "role": "none"}


def attempts(swarm: Swarm, run: str, task: str = "a") -> list[dict[str, Any]]:
    sessions = swarm.ask("list", run)["sessions"]
    return [one for one in sessions if one["task"] == task]


def written(swarm: Swarm, branch: str) -> str:
    shown = ["git", "-C", str(swarm.repository()), "show", f"{branch}:done.txt"]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout


def test_a_fault_of_the_provider_is_tried_again_with_the_same_conversation(
    swarm: Swarm, lives: Path
):
    task = fickle(swarm, lives)

    run = swarm.spawn({"a": task, "b": {**task, "needs": ["a"]}}, defaults=QUICK)
    ended = swarm.ended(run)

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    first, second = attempts(swarm, run)
    assert (first["outcome"], first["reason"], first["tries"]) == (
        *("failed", "provider"),
        1,
    )
    assert first["retry"] == {"session": second["id"], "delay_s": 0, "resumes": True}
    assert second["id"] == f"{run}/a.2"
    assert (second["follows"], second["tries"]) == (first["id"], 2)
    assert second["workspace"] == first["workspace"]
    assert (lives / "a-2").read_text() == "--resume talk-a-1"
    assert written(swarm, second["branch"]).startswith("a 2 True Your last turn")


def test_without_a_way_to_resume_it_begins_anew_in_a_place_of_its_own(
    swarm: Swarm, lives: Path
):
    task = fickle(swarm, lives, resume=[])

    run = swarm.spawn({"a": task}, defaults=QUICK)
    swarm.ended(run)

    first, second = attempts(swarm, run)
    assert second["outcome"] == "succeeded"
    assert second["follows"] is None
    assert second["workspace"] != first["workspace"]
    assert second["branch"] == f"swarm/{run}/a.2"
    assert written(swarm, second["branch"]) == "a 2 False Do it."
    assert [each["path"] for each in second["files"]] == ["done.txt"]


@pytest.mark.parametrize("how", ["crash", "exit", "cut", "rate_limit"])
def test_what_may_pass_is_tried_again(swarm: Swarm, lives: Path, how: str):
    run = swarm.spawn({"a": fickle(swarm, lives, how=how)}, defaults=QUICK)

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    assert len(attempts(swarm, run)) == 2


def test_a_rate_limit_is_no_failure_and_no_try_of_the_worker(swarm: Swarm, lives: Path):
    task = fickle(swarm, lives, how="rate_limit", times=4)
    run = swarm.spawn({"a": task}, defaults={**QUICK, "retries": 1})

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    sessions = attempts(swarm, run)
    assert [one["tries"] for one in sessions] == [1] * 5
    limited = sessions[:4]
    assert {(one["outcome"], one["reason"]) for one in limited} == {
        ("cancelled", "rate_limit")
    }
    assert sessions[0]["retry"]["counts"] is False
    told = swarm.call("poll", run).out
    assert "rate limit counts as no try" in told


@pytest.mark.parametrize(
    "how", ["auth", "quota", "bad_request", "unknown_model", "not_configured", "other"]
)
def test_what_does_not_pass_is_not_tried_again(swarm: Swarm, lives: Path, how: str):
    run = swarm.spawn({"a": fickle(swarm, lives, how=how)}, defaults=QUICK)

    assert swarm.ended(run)["a"]["reason"] == how
    assert len(attempts(swarm, run)) == 1


def test_there_are_no_more_tries_than_were_allowed(swarm: Swarm, lives: Path):
    task = fickle(swarm, lives, times=9)

    run = swarm.spawn({"a": {**task, "retries": 3}}, defaults=QUICK)

    assert swarm.ended(run)["a"]["reason"] == "provider"
    assert [one["tries"] for one in attempts(swarm, run)] == [1, 2, 3, 4]
    assert len(list(lives.iterdir())) == 4


def test_a_command_that_fails_without_a_word_is_no_crash(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": ["false"], "workspace": "none"}})

    assert swarm.ended(run)["a"]["reason"] == "exit_code"
    assert len(attempts(swarm, run)) == 1


def test_a_worker_that_says_nothing_in_time_is_ended_and_tried_again(
    swarm: Swarm, lives: Path
):
    task = fickle(swarm, lives, how="mute", grace_s=0.5)

    run = swarm.spawn({"a": {**task, "first_output_s": 0.5}}, defaults=QUICK)

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    first, _ = attempts(swarm, run)
    assert (first["outcome"], first["reason"]) == ("timed_out", "first_output")


def test_a_killed_task_is_not_tried_again(swarm: Swarm, lives: Path):
    task = fickle(swarm, lives, times=9)
    run = swarm.spawn({"a": {**task, "retry_delay_s": 3600}})
    until(lambda: len(attempts(swarm, run)) == 2)

    swarm.call("kill", run)

    first, second = attempts(swarm, run)
    assert first["outcome"] == "failed"
    assert (second["outcome"], second["reason"]) == ("cancelled", "killed")
    assert swarm.ask("list", run)["state"] == "done"


def test_a_waiting_try_is_shown_with_its_time(swarm: Swarm, lives: Path):
    run = swarm.spawn({"a": {**fickle(swarm, lives), "retry_delay_s": 3600}})
    until(lambda: len(attempts(swarm, run)) == 2)

    assert "queued" in swarm.call("list", run).out
    assert "(try 2 in " in swarm.call("list", run).out
    assert f"{run}/a.2 queued in " in swarm.call("poll", run).out
    assert attempts(swarm, run)[1]["ready_at"] is not None


def test_retry_does_again_only_what_is_missing(swarm: Swarm, lives: Path):
    bad = fickle(swarm, lives, how="auth", name="bad")
    good = fickle(swarm, lives, times=0, name="good")
    tasks = {"a": bad, "b": {**good, "needs": ["a"]}, "c": good}
    run = swarm.spawn(tasks)
    ended = swarm.ended(run)
    assert (ended["b"]["reason"], ended["c"]["outcome"]) == ("need_failed", "succeeded")

    said = swarm.call("retry", run).out

    assert "2 tasks queued again (1 succeeded)" in said
    ended = swarm.ended(run)
    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert [len(attempts(swarm, run, name)) for name in "abc"] == [2, 2, 1]
    assert (lives / "a-2").read_text() == "--resume talk-a-1"
    assert "Nothing to do again: 3 succeeded" in swarm.call("retry", run).out


def test_retry_of_one_session_leaves_the_others(swarm: Swarm, lives: Path):
    task = fickle(swarm, lives, how="auth")
    run = swarm.spawn({"a": task, "b": task})
    swarm.ended(run)

    swarm.call("retry", f"{run}/a")

    ended = swarm.ended(run)
    assert [ended[name]["outcome"] for name in "ab"] == ["succeeded", "failed"]
    refused = swarm.call("retry", f"{run}/a", code=2)
    assert "a later one has taken over" in refused.err
    refused = swarm.call("retry", f"{run}/a.2", code=2)
    assert "it succeeded" in refused.err


def test_a_reopened_run_s_time_limit_counts_anew(swarm: Swarm, lives: Path):
    task = fickle(swarm, lives, how="auth")
    run = swarm.spawn({"a": task}, limits={"wall_s": 30})
    swarm.ended(run)
    shift = "UPDATE runs SET created_at = created_at - 60, since_at = since_at - 60"
    swarm.sql(shift)

    swarm.call("retry", run)

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_a_lost_session_is_tried_again_in_a_clean_workspace(swarm: Swarm, lives: Path):
    task = fickle(swarm, lives, how="mute")
    run = swarm.spawn({"a": task}, defaults=QUICK)
    until((lives / "a-1").exists)

    swarm.kill_shim(f"{run}/a")

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    first, second = attempts(swarm, run)
    assert first["outcome"] == "lost"
    assert second["workspace"] != first["workspace"]


def test_a_lost_session_in_a_shared_folder_is_not_tried_again(
    swarm: Swarm, lives: Path
):
    task = {**fickle(swarm, lives, how="mute"), "workspace": "shared"}
    run = swarm.spawn({"a": task}, defaults=QUICK)
    until((lives / "a-1").exists)

    swarm.kill_shim(f"{run}/a")

    assert swarm.ended(run)["a"]["outcome"] == "lost"
    assert len(attempts(swarm, run)) == 1


def test_waiting_for_any_end_passes_over_what_is_tried_again(swarm: Swarm, lives: Path):
    run = swarm.spawn({"a": fickle(swarm, lives)}, defaults=QUICK)

    assert swarm.ask("wait", run, "--any")["ended"] == f"{run}/a.2"
