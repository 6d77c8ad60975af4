"""doctor --fix: what crashes left is ended and removed; no work and no live run is."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.repos import portrait, run_git
from fakes.swarm import Swarm, is_live, until, with_session, worker

NONE = {"workspace": "none"}
WRITES = {"argv": ["sh", "-c", "echo precious > work.txt"]}
POINTS = (
    "spawn.before_written",
    "spawn.after_written",
    "supervisor.after_workspace",
    "supervisor.after_commit",
    "supervisor.after_ended",
    "zygote.after_fork",
    "shim.after_start",
    "shim.before_rename",
)


def told(swarm: Swarm) -> list[dict[str, Any]]:
    return list(swarm.ask("doctor", code=None)["leftovers"])


def fixed(swarm: Swarm) -> dict[str, str]:
    """Mend; return what was done by kind. What resisted fails the test."""
    answer = swarm.ask("doctor", "--fix")
    assert answer["failed"] == []
    return {each["kind"]: each["done"] for each in answer["fixed"]}


def nothing_is_left(swarm: Swarm) -> None:
    answer = swarm.ask("doctor", "--fix")
    assert (answer["fixed"], answer["left"], answer["failed"]) == ([], [], [])
    files = [one for one in swarm.home.rglob("*") if not one.is_dir()]
    passing = {"alive", "lock", "input", "asking.json"}
    assert [one for one in files if one.name in passing or one.suffix == ".new"] == []
    for repo in swarm.folder.glob("repo*"):
        listing = run_git(repo, "worktree", "list", "--porcelain")
        assert "prunable" not in listing


@pytest.mark.parametrize("point", POINTS)
def test_after_a_crash_at_any_point_nothing_is_left(swarm: Swarm, point: str):
    swarm.repository()
    plan = swarm.plan({"a": WRITES, "b": {**WRITES, "needs": ["a"]}})
    calm = dict(swarm.env)
    swarm.env["KIMI_SWARM_CRASH_AT"] = point
    swarm.call("spawn", plan, code=None)
    until(lambda: list(swarm.home.glob("crash_point.*")))
    swarm.env = calm

    swarm.call("doctor", "--fix")
    for one in swarm.ask("list")["runs"]:
        swarm.ended(one["run"])
    swarm.call("doctor", "--fix")

    nothing_is_left(swarm)
    for one in swarm.ask("list")["runs"]:
        swarm.call("clear", one["run"], "--force")
    nothing_is_left(swarm)
    assert list((swarm.home / "runs").iterdir()) == []
    assert list(swarm.home.glob("workspaces/*")) == []


def test_a_new_repository_of_a_spawn_that_died_goes_and_one_with_work_stays(
    swarm: Swarm,
):
    kept = swarm.spawn({"a": WRITES}, repo="new")
    swarm.ended(kept)
    swarm.call("aggregate", kept, "--merge")
    swarm.call("clear", kept)
    swarm.env["KIMI_SWARM_CRASH_AT"] = "spawn.before_written"
    swarm.call("spawn", swarm.plan({"a": WRITES}, repo="new"), code=-signal.SIGKILL)
    (dead,) = {one.name for one in (swarm.home / "repos").iterdir()} - {kept}

    del swarm.env["KIMI_SWARM_CRASH_AT"]
    assert [Path(one["what"]).name for one in told(swarm)] == [dead]
    fixed(swarm)

    assert [one.name for one in (swarm.home / "repos").iterdir()] == [kept]
    assert list((swarm.home / "runs").iterdir()) == []
    repo = swarm.home / "repos" / kept
    assert run_git(repo, "show", f"swarm/{kept}/merged:work.txt") == "precious"


def test_a_run_that_is_just_being_made_is_left_alone(swarm: Swarm):
    swarm.ended(swarm.spawn({"a": {"argv": ["true"], **NONE}}))
    folder = swarm.home / "runs" / "calm-river"
    folder.mkdir()
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert told(swarm) == []
        nothing_is_left(swarm)
        assert folder.exists()
    finally:
        os.close(held)
    assert fixed(swarm) == {"run_folder": "removed"}
    assert not folder.exists()


def test_workspaces_of_a_lost_database_are_saved_before_they_go(swarm: Swarm):
    repo = swarm.repository()
    tasks = {
        "tree": WRITES,
        "fresh": {**WRITES, "workspace": "fresh"},
        "none": {**WRITES, **NONE},
        "empty": {"argv": ["true"], **NONE},
    }
    swarm.env["KIMI_SWARM_IDLE_S"] = "0"
    run = swarm.spawn(tasks)
    swarm.ended(run)
    until(lambda: not swarm.supervisors())
    workspaces = swarm.home / "workspaces" / run
    (workspaces / "tree" / "late.txt").write_text("late\n")
    for file in swarm.home.glob("state.db*"):
        file.unlink()
    before = portrait(repo)

    answer = swarm.ask("doctor", "--fix")

    assert answer["failed"] == []
    assert {Path(one["what"]).name for one in answer["left"]} == {run, "none"}
    assert run_git(repo, "show", f"swarm/{run}/tree:work.txt") == "precious"
    assert run_git(repo, "show", f"swarm-salvage/{run}/tree:late.txt") == "late"
    assert (swarm.home / "salvage" / run / "fresh.bundle").exists()
    assert (workspaces / "none" / "work.txt").read_text() == "precious\n"
    assert [one.name for one in workspaces.iterdir()] == ["none"]
    assert portrait(repo) == before
    assert swarm.ask("doctor", "--fix")["fixed"] == []


def test_the_worktree_of_a_dead_merge_goes_and_what_it_merged_stays(swarm: Swarm):
    repo = swarm.repository()
    run = swarm.spawn({"a": WRITES})
    swarm.ended(run)
    merged = swarm.home / "workspaces" / run / "merged"
    branch = ("-b", f"swarm/{run}/merged", str(merged))
    run_git(repo, "worktree", "add", "-q", *branch, f"swarm/{run}/a")

    assert [one["kind"] for one in told(swarm)] == ["merge"]
    fixed(swarm)

    assert not merged.exists()
    assert run_git(repo, "show", f"swarm/{run}/merged:work.txt") == "precious"
    nothing_is_left(swarm)
    swarm.call("aggregate", run, "--merge")


def test_a_record_of_a_worktree_without_folder_goes_and_its_commits_stay(swarm: Swarm):
    repo = swarm.repository()
    run = swarm.spawn({"a": WRITES})
    workspace = Path(swarm.ended(run)["a"]["workspace"])
    run_git(workspace, "checkout", "-q", "--detach")
    run_git(workspace, "commit", "-q", "--allow-empty", "-m", "by hand")
    shutil.rmtree(workspace)

    assert fixed(swarm) == {
        "worktree": f"removed; saved on swarm-salvage/{run}/a",
    }

    branches = run_git(repo, "branch", "--list", "--format=%(refname:short) %(subject)")
    assert f"swarm-salvage/{run}/a by hand" in branches
    assert run_git(repo, "show", f"swarm/{run}/a:work.txt") == "precious"
    nothing_is_left(swarm)


def test_processes_of_sessions_that_are_over_end_and_live_ones_do_not(swarm: Swarm):
    over = swarm.spawn({"a": {"argv": ["true"], **NONE}})
    swarm.ended(over)
    live = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    until(lambda: with_session(f"{live}/a"))
    folder = swarm.home / "runs" / over / "a"
    env = {"KIMI_SWARM_FOLDER": str(folder), "PATH": os.environ["PATH"]}
    with subprocess.Popen(["sleep", "600"], env=env) as stray:
        assert [one["kind"] for one in told(swarm)] == ["process"]
        assert fixed(swarm) == {"process": "ended"}

        assert stray.wait() == -signal.SIGKILL
    assert with_session(f"{live}/a")
    assert swarm.sessions(live)["a"]["state"] == "running"
    nothing = swarm.ask("doctor", "--fix")
    assert (nothing["fixed"], nothing["left"]) == ([], [])


def test_a_worker_whose_run_nobody_knows_any_more_is_ended(swarm: Swarm):
    swarm.impatient_commands()
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    until(lambda: with_session(f"{run}/a"))
    swarm.kill_supervisor()
    for file in swarm.home.glob("state.db*"):
        file.unlink()

    assert fixed(swarm)["process"] == "ended"

    assert with_session(f"{run}/a") == []


def test_a_socket_without_supervisor_goes_and_a_live_one_stays(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    swarm.until_state(f"{run}/a", "running")
    assert swarm.ask("doctor", "--fix")["fixed"] == []
    swarm.env["KIMI_SWARM_IDLE_S"] = "0"
    swarm.call("kill", run)
    swarm.kill_supervisor()
    path = swarm.home / "supervisor.sock"
    assert path.is_socket()

    fixed(swarm)

    assert not path.exists()
    nothing_is_left(swarm)


def test_a_paused_run_without_supervisor_needs_none(swarm: Swarm):
    swarm.env["KIMI_SWARM_IDLE_S"] = "0"
    gate, ledger = swarm.folder / "gate", swarm.folder / "ledger"
    first = {"argv": worker("signs_ledger.sh", ledger, gate), **NONE}
    run = swarm.spawn({"a": first, "b": {"argv": ["true"], **NONE, "needs": ["a"]}})
    until(ledger.exists)
    swarm.call("pause", run)
    gate.touch()
    swarm.until_state(f"{run}/a", "done")
    until(lambda: not swarm.supervisors())

    assert told(swarm) == []
    nothing_is_left(swarm)
    assert swarm.supervisors() == []


def test_an_unfinished_run_without_supervisor_gets_one(swarm: Swarm):
    gate = swarm.folder / "gate"
    ledger = swarm.folder / "ledger"
    task = {"argv": worker("signs_ledger.sh", ledger, gate), **NONE}
    run = swarm.spawn({"a": task})
    until(ledger.exists)
    swarm.kill_supervisor()

    assert "run" in fixed(swarm)
    gate.touch()

    assert is_live(swarm.supervisor())
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    assert ledger.read_text() == f"{run}/a\n"
