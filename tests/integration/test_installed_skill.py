"""The published skill as users have it: read-only, at odd places, updated in a run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.installed_swarm import InstalledSwarm, install, make_read_only
from fakes.repos import run_git
from fakes.skill_folder import digests
from fakes.swarm import Swarm, is_live, until

PATIENT_S = 120.0
"""The first call lays and compiles all of the code."""


@pytest.fixture
def user(tmp_path: Path) -> Iterator[InstalledSwarm]:
    one = InstalledSwarm(tmp_path)
    one.call("--version", limit_s=PATIENT_S)
    yield one
    one.close()


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", ""])
def test_a_read_only_skill_at_odd_places_does_all_its_work_and_stays_as_it_was(
    user: InstalledSwarm, locale: str
):
    # A host that is started with the machine may have no language at all.
    user.env["LANG"] = locale
    make_read_only(user.skill)
    repo = user.repository({"README.md": "# Anfang\n"})
    steps = [f"Create `{name}` with a line" for name in ("größe.txt", "a b.txt")]
    tasks = {f"t{n}": {"prompt": step} for n, step in enumerate(steps)}

    run = user.spawn(tasks, defaults={"profile": "demo"})
    assert {one["outcome"] for one in user.ended(run).values()} == {"succeeded"}
    user.call("aggregate", run, "--merge", "--check", "test -f 'a b.txt'")
    user.call("log", f"{run}/t0")
    user.call("diff", f"{run}/t1")
    user.call("poll", run)
    user.call("doctor", code=None)

    words = ("-c", "core.quotePath=false", "ls-tree", "--name-only")
    files = run_git(repo, *words, f"swarm/{run}/merged").splitlines()
    assert set(files) == {"README.md", "größe.txt", "a b.txt"}
    make_read_only(user.skill, undo=True)
    assert digests(user.skill) == user.as_installed


def test_every_next_command_that_is_told_can_be_given_to_a_shell(
    user: InstalledSwarm,
):
    user.repository()
    plan = user.plan({"a": {"prompt": "Create `a.txt`", "profile": "demo"}})

    after_spawn = following(user.call("spawn", plan).out)
    assert "/swarm.py' wait " in after_spawn
    in_a_shell(user, after_spawn)
    run = user.ask("list")["runs"][0]["run"]
    after_report = following(user.call("aggregate", run).out)
    assert "/swarm.py' aggregate " in after_report
    after_merge = following(in_a_shell(user, after_report))
    assert after_merge.startswith("git -C ")
    assert "Merge" in in_a_shell(user, after_merge)


LONG_NAME = "a-task-whose-name-is-as-long-as-it-gets-"


def test_the_next_command_of_a_waking_line_is_whole_however_long_the_rest_is(
    swarm: Swarm,
):
    # The name of this program as somebody's shell takes it, of a middling length.
    swarm.env["KIMI_SWARM_PROG"] = f"{shlex.quote(sys.executable)} -m kimi_swarm"
    fails = {"argv": ["false"], "workspace": "none"}
    run = swarm.spawn({f"{LONG_NAME}{n}": fails for n in range(4)})

    line = swarm.call("wait", run, code=1).out.strip()

    assert len(line) <= 170
    happened, command = line.split(" Next: ")
    assert happened.startswith(f"{run}: 4 failed ({LONG_NAME}")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=swarm.folder,
        env=swarm.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith(f"# {run} "), done


def test_a_skill_at_too_long_a_path_names_the_verb_alone(user: InstalledSwarm):
    fails = {"argv": ["false"], "workspace": "none"}
    deep = user.skill.parent / ("d" * 120)
    user.skill = user.skill.rename(deep)
    run = user.spawn({LONG_NAME: fails})

    line = user.call("wait", run, code=1).out.strip()

    assert len(line) <= 170
    _, command = line.split(" Next: ")
    assert command == f"aggregate {run}"
    assert user.call(*shlex.split(command), code=1).out.startswith(f"# {run} ")


def following(text: str) -> str:
    """Return the command that an answer ends with."""
    (line,) = [one for one in text.splitlines() if one.startswith("Next: ")]
    return line.removeprefix("Next: ")


def in_a_shell(user: InstalledSwarm, command: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=user.folder,
        env=user.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), (command, done)
    return done.stdout


def test_an_update_during_a_run_loses_nothing_and_is_used_from_the_next_call_on(
    user: InstalledSwarm,
):
    gate = user.folder / "gate"
    waits = ["sh", "-c", 'until [ -e "$0" ]; do sleep 0.02; done', str(gate)]
    held = {"argv": waits, "workspace": "fresh"}
    run = user.spawn({"first": held, "then": {**held, "needs": ["first"]}})
    user.until_state(f"{run}/first", "running")
    old = user.supervisor()

    user.replace_skill("0.1.1")

    assert user.call("--version").out == "kimi-swarm 0.1.1\n"
    assert user.sessions(run)["first"]["state"] == "running"
    assert user.supervisor() == old
    assert len(user.copies()) == 2
    gate.touch()
    ended = user.ended(run)
    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    until(lambda: not is_live(old))
    gate.unlink()
    later = user.spawn({"again": held})
    user.until_state(f"{later}/again", "running")
    assert code_of(user.supervisor()) != code_of_copy(user, "0.1.0")
    assert code_of(user.supervisor()) == code_of_copy(user, "0.1.1")
    gate.touch()
    user.ended(later)


def code_of(pid: int) -> str:
    """Return the folder that a process imports our code from."""
    variables = Path(f"/proc/{pid}/environ").read_text("utf-8").split("\0")
    found = dict(one.partition("=")[::2] for one in variables)
    return found["KIMI_SWARM_CODE"]


def code_of_copy(user: InstalledSwarm, version: str) -> str:
    (found,) = [
        str(one)
        for one in user.copies()
        if version in (one / "kimi_swarm" / "__init__.py").read_text()
    ]
    return found


def test_two_versions_beside_each_other_work_on_the_same_runs(user: InstalledSwarm):
    other = user.skill.with_name("kimi-swarm-next")
    install(other, version="0.1.1")
    first = user.skill
    user.repository()
    run = user.spawn({"a": {"prompt": "Create `a.txt`", "profile": "demo"}})

    user.skill = other
    assert user.call("--version", limit_s=PATIENT_S).out == "kimi-swarm 0.1.1\n"
    assert user.ended(run)["a"]["outcome"] == "succeeded"
    second = user.spawn({"b": {"argv": ["true"], "workspace": "fresh"}})
    user.skill = first
    assert user.call("--version").out == "kimi-swarm 0.1.0\n"
    assert user.ended(second)["b"]["outcome"] == "succeeded"

    assert len(user.copies()) == 2
    environments = [one for one in (user.cache / "env").iterdir() if one.is_dir()]
    assert len(environments) == 1


def test_what_hosts_add_to_a_skill_makes_no_other_copy_of_its_code(
    user: InstalledSwarm,
):
    for name in ("_meta.json", ".clawhub/origin.json", "notes.txt"):
        (user.skill / name).write_text('{"changed": true}\n')

    user.call("list")

    assert len(user.copies()) == 1
