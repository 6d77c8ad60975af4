"""Odd states of machine, disk and files: each ends in words, and the rest goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.disks import fill, read_only, small_disk
from fakes.repos import run_git
from fakes.swarm import (
    Swarm,
    copy_of_the_product,
    is_live,
    process_table,
    until,
    with_session,
    worker,
)

NONE = {"workspace": "none"}
ONCE = {"retries": 0}


def signs(swarm: Swarm, gate: str, **fields: Any) -> dict[str, Any]:
    """Return a task that signs the ledger, and ends when its gate is there."""
    argv = worker("signs_ledger.sh", swarm.folder / "ledger", swarm.folder / gate)
    return {"argv": argv, **fields}


def signed(swarm: Swarm) -> list[str]:
    """Return which sessions' workers have begun, in order."""
    ledger = swarm.folder / "ledger"
    names = ledger.read_text().split() if ledger.exists() else []
    return [name.partition("/")[2] for name in names]


def opened(swarm: Swarm, gate: str) -> None:
    (swarm.folder / gate).touch()


def outcomes(sessions: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {name: (one["outcome"], one["reason"]) for name, one in sessions.items()}


def forget_log(swarm: Swarm) -> str:
    """Return what the supervisor said, and let the test's end not mind it."""
    said = swarm.log_of_supervisor()
    (swarm.home / "supervisor.log").write_text("")
    return said


def launch(swarm: Swarm, run: str, task: str) -> Path:
    return swarm.home / "runs" / run / task / "work"


# The machine


def test_after_a_reboot_every_session_ends_in_words_and_what_waited_runs(swarm: Swarm):
    tasks = {
        "runs": signs(swarm, "never", **NONE, **ONCE),
        "ends": signs(swarm, "gate", **NONE, **ONCE),
        "next": signs(swarm, "gate", **NONE, needs=["ends"]),
    }
    run = swarm.spawn(tasks)
    until(lambda: len(signed(swarm)) == 2)
    supervisor = swarm.supervisor()
    os.kill(supervisor, signal.SIGSTOP)
    opened(swarm, "gate")
    until((launch(swarm, run, "ends") / "exit.json").exists)
    record = launch(swarm, run, "runs") / "shim.json"
    for pid in (supervisor, json.loads(record.read_text())["pid"]):
        os.kill(pid, signal.SIGKILL)
    for pid in with_session(f"{run}/runs"):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not swarm.processes())
    # Of another boot, and its number is another process's now: ours.
    record.write_text(json.dumps({"pid": os.getpid(), "born": "another-boot:1"}))
    assert (swarm.home / "supervisor.sock").is_socket()

    ended = swarm.ended(run)

    assert outcomes(ended)["runs"] == ("lost", "no_exit_record")
    assert {ended[name]["outcome"] for name in ("ends", "next")} == {"succeeded"}
    assert sorted(signed(swarm)) == ["ends", "next", "runs"]


def with_clock(folder: Path) -> tuple[Path, Path]:
    """Return a copy of the product whose system clock is off by what a file says."""
    code, offset = copy_of_the_product(folder), folder / "offset"
    offset.write_text("0")
    (code / "sitecustomize.py").write_text(
        "import pathlib, time\n"
        "real = time.time\n"
        f"offset = pathlib.Path({str(offset)!r})\n"
        "time.time = lambda: real() + float(offset.read_text() or 0)\n"
    )
    return code, offset


@pytest.mark.parametrize("step_s", [7200, -7200])
def test_a_clock_that_is_set_in_the_middle_ends_and_holds_up_nothing(
    swarm: Swarm, tmp_path: Path, step_s: int
):
    code, offset = with_clock(tmp_path / "clock")
    swarm.env["PYTHONPATH"] = str(code)
    tasks = {
        "first": signs(swarm, "gate", **NONE),
        "next": signs(swarm, "gate", **NONE, needs=["first"]),
    }
    run = swarm.spawn(tasks, limits={"wall_s": 600, "spacing_s": 0.5})
    until(lambda: signed(swarm) == ["first"])

    offset.write_text(str(step_s))
    swarm.call("list")
    second = swarm.spawn({"a": signs(swarm, "gate", **NONE)}, limits={"wall_s": 600})
    until(lambda: len(signed(swarm)) == 2)
    opened(swarm, "gate")
    ended = {**swarm.ended(run), **swarm.ended(second)}

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert "-" not in swarm.call("aggregate", run).out.splitlines()[0].split("in ")[-1]


# The disk


@pytest.fixture
def cramped(code: Path, tmp_path: Path) -> Iterator[Swarm]:
    """A user whose state folder is on a disk of 24 MiB, of which every byte counts."""
    with small_disk(tmp_path / "disk", size_mib=24) as disk:
        user = Swarm(code, tmp_path, home=disk / "state")
        user.own_config(limits={"min_free_mib": 0})
        yield user
        user.close()


def test_a_full_disk_is_waited_for_and_said_once(cramped: Swarm):
    tasks = {
        "judged": signs(cramped, "first", **NONE, **ONCE),
        "ending": signs(cramped, "second", **NONE, **ONCE),
        "later": signs(cramped, "first", **NONE, **ONCE, needs=["judged"]),
    }
    run = cramped.spawn(tasks)
    until(lambda: len(signed(cramped)) == 2)
    supervisor = cramped.supervisor()
    os.kill(supervisor, signal.SIGSTOP)
    opened(cramped, "first")
    until((launch(cramped, run, "judged") / "exit.json").exists)

    filler = fill(cramped.home.parent)
    os.kill(supervisor, signal.SIGCONT)
    opened(cramped, "second")
    until(lambda: not with_session(f"{run}/ending"))
    assert "running" in cramped.call("list").out
    refused = cramped.ask("spawn", cramped.plan(tasks), code=2)["error"]
    assert refused["code"] == "disk_full"
    assert cramped.sessions(run)["judged"]["state"] == "running"
    # Whoever finds the door slow may have started one that leaves at once.
    assert cramped.supervisor() == supervisor
    filler.unlink()
    ended = cramped.ended(run)

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert sorted(signed(cramped)) == ["ending", "judged", "later"]
    # Whoever finds the door slow may have started one that leaves at once.
    assert cramped.supervisor() == supervisor
    until(lambda: "disk_full" in cramped.log_of_supervisor())
    assert forget_log(cramped).count("\n") == 1


def test_a_worker_that_fills_the_disk_fails_and_others_go_on(cramped: Swarm):
    fills = {"argv": worker("fills_the_disk.py", 1 << 40), **NONE, **ONCE}
    run = cramped.spawn({"fills": fills})
    filled = cramped.home / "workspaces" / run / "fills" / "filled.bin"
    until(filled.exists)
    until(lambda: not with_session(f"{run}/fills"))
    filled.unlink()

    assert cramped.ended(run)["fills"]["outcome"] == "failed"
    calm = cramped.spawn({"a": {"argv": ["true"], **NONE}})
    assert cramped.ended(calm)["a"]["outcome"] == "succeeded"
    forget_log(cramped)


def test_a_state_folder_that_turns_read_only_is_refused_and_waited_for(swarm: Swarm):
    tasks = {
        "runs": signs(swarm, "gate", **NONE, **ONCE),
        "next": signs(swarm, "gate", **NONE, **ONCE, needs=["runs"]),
    }
    plan = swarm.plan(tasks)
    run = swarm.spawn(tasks)
    until(lambda: signed(swarm) == ["runs"])

    with read_only(swarm.home):
        error = swarm.ask("spawn", plan, code=2)["error"]
        opened(swarm, "gate")
        until(lambda: not with_session(f"{run}/runs"))
    ended = swarm.ended(run)

    assert error["code"] == "state_unwritable"
    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert signed(swarm) == ["runs", "next"]
    forget_log(swarm)


# What it works on


def test_a_workspace_deleted_under_its_worker_is_told_and_others_go_on(swarm: Swarm):
    repo = swarm.repository()
    tasks = {"gone": signs(swarm, "gate", **ONCE), "stays": signs(swarm, "gate")}
    run = swarm.spawn(tasks)
    until(lambda: len(signed(swarm)) == 2)
    shutil.rmtree(swarm.home / "workspaces" / run / "gone")

    opened(swarm, "gate")
    ended = swarm.ended(run)

    assert outcomes(ended)["gone"] == ("failed", "workspace_gone")
    assert ended["stays"]["outcome"] == "succeeded"
    assert run_git(repo, "branch", "--list", f"swarm/{run}/stays") != ""
    swarm.call("doctor", "--fix")
    assert "prunable" not in run_git(repo, "worktree", "list", "--porcelain")


def test_a_workspace_deleted_before_its_turn_is_made_again(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn(
        {"first": signs(swarm, "gate"), "next": signs(swarm, "gate", needs=["first"])}
    )
    until(lambda: signed(swarm) == ["first"])
    shutil.rmtree(swarm.home / "workspaces" / run / "next", ignore_errors=True)
    opened(swarm, "gate")
    until(lambda: swarm.sessions(run)["first"]["state"] == "done")

    ended = swarm.ended(run)

    assert ended["next"]["outcome"] == "succeeded"
    assert (Path(ended["next"]["workspace"]) / "first.txt").exists()


def test_a_repository_deleted_in_the_middle_is_told_and_others_go_on(swarm: Swarm):
    repo = swarm.repository()
    tasks = {
        "works": signs(swarm, "gate", **ONCE),
        "needs": signs(swarm, "gate", **ONCE, needs=["works"]),
        "apart": signs(swarm, "gate", **NONE),
    }
    run = swarm.spawn(tasks)
    until(lambda: len(signed(swarm)) == 2)
    shutil.rmtree(repo)

    opened(swarm, "gate")
    ended = swarm.ended(run)

    assert outcomes(ended)["works"] == ("failed", "repository_gone")
    assert outcomes(ended)["needs"] == ("cancelled", "need_failed")
    assert ended["apart"]["outcome"] == "succeeded"
    kept = Path(ended["works"]["workspace"]) / "works.txt"
    assert kept.read_text() == f"work of {run}/works\n"


# The database and the code


def test_a_database_damaged_in_the_middle_is_told_and_workers_keep_their_limits(
    swarm: Swarm,
):
    swarm.impatient_commands()
    task = {"argv": worker("silent.sh"), **NONE, **ONCE, "timeout_s": 3}
    run = swarm.spawn({"a": task, "b": signs(swarm, "gate", **NONE)})
    until(lambda: with_session(f"{run}/a") and signed(swarm) == ["b"])
    for name in ("state.db", "state.db-wal"):
        damage(swarm.home / name)

    opened(swarm, "gate")

    assert swarm.ask("list", code=2)["error"]["code"] == "state_corrupt"
    until(lambda: not swarm.supervisors())
    until(lambda: not with_session(f"{run}/a"))
    assert "state_corrupt" in forget_log(swarm)
    assert "Traceback" not in swarm.log_of_supervisor()
    for each in swarm.home.glob("state.db*"):
        each.unlink()
    swarm.call("doctor", "--fix")
    again = swarm.spawn({"a": {"argv": ["true"], **NONE}})
    assert swarm.ended(again)["a"]["outcome"] == "succeeded"


def damage(path: Path) -> None:
    """Overwrite a file in place: who has it open sees it too."""
    with path.open("r+b") as file:
        file.write(b"no database " * (path.stat().st_size // 12 + 1))


def test_an_update_in_the_middle_of_a_run_leaves_the_supervisor_at_work(
    swarm: Swarm, tmp_path: Path
):
    run = swarm.spawn(
        {"a": signs(swarm, "gate", **NONE), "b": {"argv": ["true"]} | NONE}
    )
    until(lambda: signed(swarm) == ["a"])
    supervisor = swarm.supervisor()

    swarm.env["PYTHONPATH"] = str(copy_of_the_product(tmp_path / "update"))
    second = swarm.spawn({"a": signs(swarm, "gate", **NONE)})
    until(lambda: signed(swarm) == ["a", "a"])
    assert swarm.supervisor() == supervisor
    opened(swarm, "gate")

    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    assert swarm.ended(second)["a"]["outcome"] == "succeeded"


def test_a_supervisor_of_older_code_gives_way_to_one_that_knows_the_new_schema(
    swarm: Swarm, tmp_path: Path
):
    tasks = {
        "a": signs(swarm, "gate", **NONE),
        "b": signs(swarm, "gate", **NONE, needs=["a"]),
    }
    run = swarm.spawn(tasks)
    until(lambda: signed(swarm) == ["a"])
    older = swarm.supervisor()

    swarm.env["PYTHONPATH"] = str(with_next_schema(tmp_path / "update"))
    assert "running" in swarm.call("list").out
    until(lambda: not is_live(older))
    opened(swarm, "gate")
    ended = swarm.ended(run)

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert signed(swarm) == ["a", "b"]
    with sqlite3.connect(swarm.home / "state.db") as state:
        assert state.execute("SELECT count(*) FROM marks").fetchone() == (0,)


def test_older_code_refuses_a_newer_database_and_changes_nothing(
    swarm: Swarm, tmp_path: Path
):
    plan = swarm.plan({"a": {"argv": ["true"], **NONE}})
    code = swarm.env["PYTHONPATH"]
    swarm.env["PYTHONPATH"] = str(with_next_schema(tmp_path / "update"))
    run = swarm.ask("spawn", plan)["run"]
    swarm.ended(run)
    newer = swarm.env["PYTHONPATH"]

    swarm.env["PYTHONPATH"] = code
    for words in (("list",), ("spawn", plan), ("kill", run), ("doctor", "--fix")):
        assert swarm.ask(*words, code=2)["error"]["code"] == "newer_schema"
    swarm.env["PYTHONPATH"] = newer

    assert [one["run"] for one in swarm.ask("list")["runs"]] == [run]


def with_next_schema(folder: Path) -> Path:
    """Return a copy of the product that is one schema ahead of this one."""
    code = copy_of_the_product(folder)
    schema = code / "kimi_swarm" / "store" / "schema.py"
    more = "MIGRATIONS = (*MIGRATIONS, 'CREATE TABLE marks (id TEXT) STRICT;\\n')\n"
    schema.write_text(schema.read_text() + more)
    database = code / "kimi_swarm" / "store" / "database.py"
    text = database.read_text()
    (line,) = [one for one in text.splitlines() if one.startswith("SCHEMA_VERSION = ")]
    database.write_text(text.replace(line, f"{line} + 1"))
    return code


# The state folder as a whole


def test_a_state_folder_moved_away_ends_its_supervisor_and_nothing_runs_twice(
    swarm: Swarm,
):
    swarm.impatient_commands()
    run = swarm.spawn({"a": signs(swarm, "gate", **NONE, **ONCE)})
    until(lambda: signed(swarm) == ["a"])
    older = swarm.supervisor()
    moved = swarm.folder / "moved"
    swarm.home.rename(moved)

    there = Swarm(Path(swarm.env["PYTHONPATH"]), swarm.folder, home=moved)
    there.env = {**swarm.env, "KIMI_SWARM_HOME": str(moved)}
    there.call("list")
    until(lambda: not is_live(older))
    opened(swarm, "gate")
    ended = there.ended(run)

    assert ended["a"]["outcome"] in ("lost", "failed", "succeeded")
    assert signed(swarm) == ["a"]
    assert "state_gone" in forget_log(there)
    assert not any(one in swarm.processes() for one in process_table() if one == older)
    there.close()
    again = swarm.spawn({"a": {"argv": ["true"], **NONE}})
    assert swarm.ended(again)["a"]["outcome"] == "succeeded"


def test_a_state_folder_deleted_in_the_middle_leaves_no_process(swarm: Swarm):
    swarm.impatient_commands()
    task = {"argv": worker("silent.sh"), **NONE, **ONCE, "timeout_s": 2}
    run = swarm.spawn({"a": task})
    until(lambda: with_session(f"{run}/a"))
    shutil.rmtree(swarm.home, ignore_errors=True)

    until(lambda: not with_session(f"{run}/a"))
    until(lambda: not swarm.processes())

    assert swarm.call("list").out == "No runs yet.\n"
