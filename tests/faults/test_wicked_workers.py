"""However a worker behaves: after its end, its killing and `clear` nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.repos import run_git
from fakes.swarm import Swarm, until, with_session, worker

# What of a launch stays until its run is cleared: who it was, and what it said.
LASTING = {"prompt.md", "shim.json", "out.log", "err.log", "exit.json"}
OUTCOMES = {
    "asks.sh": ("succeeded", ()),
    "dies_by_signal.sh": ("failed", ("KILL",)),
    "double_forks.py": ("succeeded", ("{folder}",)),
    "exits_zero_with_nothing.sh": ("succeeded", ()),
    "fills_the_disk.py": ("succeeded", (3_000_000,)),
    "floods.py": ("succeeded", (100_000,)),
    "half_a_line.sh": ("cancelled", ("{gate}",)),
    "ignores_term.py": ("cancelled", ("{folder}",)),
    "silent.sh": ("cancelled", ()),
    "stalls.sh": ("cancelled", ("half.txt",)),
}
STAY = [name for name, (outcome, _) in OUTCOMES.items() if outcome == "cancelled"]


@pytest.fixture
def user(swarm: Swarm) -> Swarm:
    swarm.repository()
    swarm.impatient_commands()
    for name in ("pids", "temporary"):
        (swarm.folder / name).mkdir()
    swarm.env["TMPDIR"] = str(swarm.folder / "temporary")
    return swarm


def spawned(user: Swarm, name: str) -> str:
    _, words = OUTCOMES[name]
    places = {"folder": user.folder / "pids", "gate": user.folder / "never"}
    argv = worker(name, *(str(word).format(**places) for word in words))
    return user.spawn({"a": {"argv": argv, "retries": 0}})


def nothing_passing_is_left(user: Swarm, run: str) -> None:
    # The very end is tidied after the outcome was written down.
    until(lambda: not with_session(f"{run}/a"))
    folder = user.home / "runs" / run
    until(
        lambda: {one.name for one in folder.rglob("*") if not one.is_dir()} <= LASTING
    )
    assert list((user.folder / "temporary").iterdir()) == []


def registered(repo: Path) -> list[str]:
    listing = run_git(repo, "worktree", "list", "--porcelain").splitlines()
    return [line.removeprefix("worktree ") for line in listing if "worktree " in line]


def nothing_at_all_is_left(user: Swarm, run: str) -> None:
    repo = user.repository()
    assert registered(repo) == [str(repo)]
    assert not (repo / ".git" / "worktrees").exists()
    assert list((repo / ".git").rglob("*.lock")) == []
    assert [one for one in user.home.rglob("*") if run in one.name] == []


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_wicked_worker_leaves_nothing(user: Swarm, name: str):
    run = spawned(user, name)
    if name in STAY:
        until(lambda: with_session(f"{run}/a"))
        user.call("kill", run)
    session = user.ended(run)["a"]

    assert session["outcome"] == OUTCOMES[name][0], session
    nothing_passing_is_left(user, run)
    first, *others = registered(user.repository())
    assert first == str(user.repository())
    # One that died by a signal was tried again, each time in a place of its own.
    made = ["a", *(f"a.{number}" for number in range(2, len(others) + 1))]
    assert sorted(others) == [str(user.home / "workspaces" / run / one) for one in made]
    user.call("clear", run, "--force")
    nothing_at_all_is_left(user, run)


def test_every_worker_that_was_promised_is_there(user: Swarm):
    promised = {
        *("silent", "stalls", "floods", "exits_zero_with_nothing", "half_a_line"),
        *("ignores_term", "double_forks", "fills_the_disk", "asks", "dies_by_signal"),
    }

    assert {name.partition(".")[0] for name in OUTCOMES} == promised
