"""clear of several runs, or of all old ones: room is given back, work stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fakes.repos import run_git
from fakes.swarm import Swarm

DAY_S = 86_400
BIG = 3_000_000
FILLS = f"head -c {BIG} /dev/zero > filled"
NONE = {"workspace": "none"}


def age(swarm: Swarm, run: str, *, days: float) -> None:
    """Let a run have ended so many days earlier."""
    with sqlite3.connect(swarm.home / "state.db") as state:
        state.execute(
            "UPDATE runs SET ended_at = ended_at - ? WHERE id = ?", (days * DAY_S, run)
        )


def ran(swarm: Swarm, line: str, **fields: object) -> str:
    run = swarm.spawn({"a": {"argv": ["sh", "-c", line], **fields}})
    swarm.ended(run)
    return run


def names(swarm: Swarm) -> set[str]:
    return {one["run"] for one in swarm.ask("list")["runs"]}


def test_old_runs_go_and_young_ones_and_unmerged_work_stay(swarm: Swarm):
    repo = swarm.repository()
    old, young = ran(swarm, "true"), ran(swarm, "true")
    precious = ran(swarm, "echo x > x.txt")
    age(swarm, old, days=8)
    age(swarm, precious, days=9)
    age(swarm, young, days=6)

    told = swarm.ask("clear", "--older-than", "7d")

    assert [one["run"] for one in told["cleared"]] == [old]
    assert [(one["run"], one["code"]) for one in told["left"]] == [
        (precious, "unmerged_work")
    ]
    assert names(swarm) == {young, precious}
    assert run_git(repo, "show", f"swarm/{precious}/a:x.txt") == "x"

    forced = swarm.ask("clear", "--older-than", "7d", "--force")

    assert forced["cleared"][0]["kept"] == [f"branch swarm-salvage/{precious}/a"]
    assert run_git(repo, "show", f"swarm-salvage/{precious}/a:x.txt") == "x"
    assert names(swarm) == {young}


def test_a_dry_run_says_what_would_go_and_how_much_that_frees(swarm: Swarm):
    swarm.repository()
    run = ran(swarm, "true")
    Path(swarm.home, "runs", run, "a", "more.log").write_bytes(b"x" * BIG)
    age(swarm, run, days=2)
    before = sorted(swarm.home.rglob("*"))

    told = swarm.ask("clear", "--older-than", "36h", "--dry-run")
    words = swarm.call("clear", "--older-than", "36h", "--dry-run").out

    assert told["dry_run"] is True
    assert told["freed_bytes"] >= BIG
    assert f"Would clear {run}: 1 workspace" in words
    assert "1 run would be cleared: " in words
    assert sorted(swarm.home.rglob("*")) == before
    assert swarm.ask("clear", run)["freed_bytes"] >= BIG
    assert names(swarm) == set()


def test_several_runs_go_at_once_and_one_that_cannot_is_told(swarm: Swarm):
    one, two = ran(swarm, "true", **NONE), ran(swarm, FILLS, **NONE)

    done = swarm.call("clear", one, two, "no-such", one, code=1)

    assert f"Cleared {one}: " in done.out
    assert f"Left {two}: 1 workspace merged nowhere\n" in done.out
    assert "Left no-such: There is no run 'no-such'." in done.out
    assert done.out.count("Cleared ") == 1
    assert names(swarm) == {two}


def test_what_helps_is_said_once_for_all_runs_that_are_left(swarm: Swarm):
    swarm.repository()
    runs = [ran(swarm, FILLS) for _ in range(3)]
    for run in runs:
        age(swarm, run, days=2)

    told = swarm.call("clear", "--older-than", "1d", "--dry-run").lines

    left = [line for line in told if line.startswith("Left ")]
    assert left == [f"Left {run}: 1 branch merged nowhere" for run in runs]
    (remedy,) = [line for line in told if "--force" in line]
    assert "`aggregate RUN --merge`" in remedy


def test_what_moves_to_the_salvage_folder_gives_no_room(swarm: Swarm):
    run = ran(swarm, FILLS, **NONE)

    told = swarm.ask("clear", run, "--force")

    assert (swarm.home / "salvage" / run / "a" / "filled").stat().st_size == BIG
    assert told["freed_bytes"] < BIG


@pytest.mark.parametrize(
    "words",
    [
        ["--older-than", "soon"],
        ["--older-than", "7"],
        ["--older-than", "-1d"],
        ["--older-than", "7d", "calm-river"],
        [],
    ],
)
def test_an_age_that_is_none_is_refused(swarm: Swarm, words: list[str]):
    assert swarm.ask("clear", *words, code=2)["error"]["code"] == "usage"


def test_sizes_are_listed_where_they_are_asked_for(swarm: Swarm):
    small, big = ran(swarm, "true", **NONE), ran(swarm, FILLS, **NONE)

    rows = {one["run"]: one for one in swarm.ask("list", "--size")["runs"]}
    line = swarm.call("list", big, "--size").lines[0]
    health = swarm.ask("doctor", code=None)

    assert rows[big]["size_bytes"] >= BIG > rows[small]["size_bytes"]
    assert line.split()[:3] == [f"{rows[big]['size_bytes'] / 2**20:.1f}", "MiB", big]
    assert "size_bytes" not in swarm.ask("list")["runs"][0]
    assert [run for run, _ in health["biggest"]] == [big, small]
    assert health["state_bytes"] >= rows[big]["size_bytes"]
