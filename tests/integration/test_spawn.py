"""spawn: plans become runs; workspaces, needs, checks and setups decide outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.repos import portrait, run_git
from fakes.swarm import Swarm, worker


def writes(name: str, text: str = "x") -> list[str]:
    return ["sh", "-c", f"echo {text} > {name}"]


def test_twenty_tasks_are_spawned_without_waiting_for_any(swarm: Swarm):
    task = {"argv": worker("silent.sh"), "workspace": "none"}
    plan = swarm.plan({f"t{number}": task for number in range(20)})

    done = swarm.call("spawn", plan)

    run = done.out.split(":")[0]
    assert done.lines[0] == f"{run}: 20 tasks queued on command, at most 5 at once."
    assert done.lines[-1] == f"Next: kimi-swarm wait {run}"


def test_needs_start_from_the_merged_work_of_what_they_need(swarm: Swarm):
    repo = swarm.repository()
    before = portrait(repo)
    all_there = "cat a.txt b.txt > c.txt && test -s README.md"
    run = swarm.spawn(
        {
            "c": {"argv": ["sh", "-c", all_there], "needs": ["a", "b"]},
            "a": {"argv": writes("a.txt", "1")},
            "b": {"argv": writes("b.txt", "2")},
        }
    )

    ended = swarm.ended(run)

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert run_git(repo, "show", f"swarm/{run}/c:c.txt") == "1\n2"
    assert [each["path"] for each in ended["c"]["files"]] == ["c.txt"]
    assert portrait(repo) == before


def test_needs_that_fail_or_collide_are_told_by_name_and_path(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn(
        {
            "a": {"argv": writes("same.txt", "1")},
            "b": {"argv": writes("same.txt", "2")},
            "both": {"argv": ["true"], "needs": ["a", "b"]},
            "bad": {"argv": ["false"]},
            "next": {"argv": ["true"], "needs": ["bad"]},
            "last": {"argv": ["true"], "needs": ["next"]},
        }
    )

    ended = swarm.ended(run)

    assert (ended["both"]["outcome"], ended["both"]["reason"]) == (
        "failed",
        "need_conflict",
    )
    assert "same.txt" in ended["both"]["message"]
    for name in ("next", "last"):
        told = (ended[name]["outcome"], ended[name]["reason"])
        assert told == ("cancelled", "need_failed")
        assert ended[name]["started_at"] is None


def test_each_workspace_mode_is_what_it_says(swarm: Swarm):
    repo = swarm.repository()
    tasks = {
        mode: {"argv": ["sh", "-c", "pwd; ls; git branch --show-current"]}
        | {"workspace": mode}
        for mode in ("worktree", "fresh", "shared", "none")
    }
    run = swarm.spawn(tasks)

    ended = swarm.ended(run)
    told = {name: swarm.ask("log", f"{run}/{name}")["lines"] for name in tasks}

    own = swarm.home / "workspaces" / run
    assert told["worktree"] == [
        str(own / "worktree"),
        "README.md",
        f"swarm/{run}/worktree",
    ]
    assert told["fresh"] == [str(own / "fresh"), f"swarm/{run}/fresh"]
    assert told["shared"] == [str(repo), "README.md", "main"]
    assert told["none"][0] == str(own / "none")
    assert "not a git repository" in told["none"][1]
    assert ended["shared"]["branch"] is None


def test_a_setup_prepares_the_workspace_or_fails_the_session(swarm: Swarm):
    repo = swarm.repository({".gitignore": ".env\n"})
    (repo / ".env").write_text("KEY=1\n")
    workspace = {"copy": [".env"], "setup": "cat .env > made.txt"}
    argv = ["sh", "-c", "cat made.txt .env > out.txt"]
    run = swarm.spawn(
        {
            "good": {"argv": argv, "workspace": workspace},
            "bad": {"argv": argv, "workspace": {"setup": "echo no; exit 4"}},
        }
    )

    ended = swarm.ended(run)

    assert ended["good"]["outcome"] == "succeeded"
    assert run_git(repo, "show", f"swarm/{run}/good:out.txt") == "KEY=1\nKEY=1"
    tracked = run_git(repo, "ls-tree", "--name-only", f"swarm/{run}/good")
    assert ".env" not in tracked
    assert (ended["bad"]["outcome"], ended["bad"]["reason"]) == (
        "failed",
        "setup_failed",
    )
    assert swarm.ask("log", f"{run}/bad")["lines"] == ["[setup]", "no"]


def test_a_check_decides_on_the_committed_state(swarm: Swarm):
    swarm.repository()
    committed = 'test -z "$(git status --porcelain)" && git show HEAD:a.txt'
    run = swarm.spawn(
        {
            "good": {"argv": writes("a.txt"), "check": committed},
            "bad": {"argv": writes("a.txt"), "check": "echo not so; exit 3"},
        }
    )

    ended = swarm.ended(run)

    assert ended["good"]["outcome"] == "succeeded"
    assert ended["good"]["check"]["exit_code"] == 0
    assert (ended["bad"]["outcome"], ended["bad"]["reason"]) == (
        "failed",
        "check_failed",
    )
    assert ended["bad"]["head"] != ended["bad"]["base"]
    assert swarm.ask("log", f"{run}/bad")["lines"] == ["[check]", "not so"]


def test_an_exit_code_is_not_taken_for_work_where_changes_are_expected(swarm: Swarm):
    swarm.repository()
    nothing = {"argv": worker("exits_zero_with_nothing.sh"), "expect": "changes"}
    run = swarm.spawn(
        {
            "nothing": nothing,
            "answer": {**nothing, "expect": "answer"},
            "signal": {"argv": worker("dies_by_signal.sh", "SEGV")},
            "slow": {"argv": worker("silent.sh"), "timeout_s": 0.5},
        }
    )

    ended = swarm.ended(run)

    told = {name: (one["outcome"], one["reason"]) for name, one in ended.items()}
    assert told == {
        "nothing": ("failed", "no_changes"),
        "answer": ("failed", "no_answer"),
        "signal": ("failed", "exit_code"),
        "slow": ("timed_out", "time_limit"),
    }
    assert ended["signal"]["exit_code"] == -11


def test_the_wall_time_of_a_run_ends_what_runs_and_what_waits(swarm: Swarm):
    silent = {"argv": worker("silent.sh"), "workspace": "none"}
    run = swarm.spawn(
        {"a": silent, "b": {**silent, "needs": ["a"]}}, limits={"wall_s": 1}
    )

    ended = swarm.ended(run)

    for one in ended.values():
        assert (one["outcome"], one["reason"]) == ("timed_out", "run_time_limit")


@pytest.mark.parametrize("name", ["with spaces & Grüße", "x" * 120])
def test_the_state_folder_may_have_any_name(swarm: Swarm, name: str):
    swarm.home = swarm.folder / name / "state"
    swarm.env["KIMI_SWARM_HOME"] = str(swarm.home)
    swarm.repository()

    run = swarm.spawn({"a": {"argv": writes("a.txt")}})
    ended = swarm.ended(run)

    assert ended["a"]["outcome"] == "succeeded"
    assert Path(ended["a"]["workspace"]).is_relative_to(swarm.home)
    assert swarm.call("clear", run, "--force").code == 0
