"""aggregate --merge --resolve: a worker brings two sides together, and both are in."""

from __future__ import annotations

import pytest

from fakes.repos import portrait, run_git
from fakes.swarm import Swarm

# Keeps both sides of every conflict, as a careful worker would.
KEEPS_BOTH = r"""
for f in $(git grep -l '^<<<<<<< '); do sed -i '/^[<=>]\{7\}/d' $f; done
"""


@pytest.fixture
def run(swarm: Swarm) -> str:
    """A run of which the second and third task collide with the first."""
    swarm.repository({"list.txt": "begin\nend\n", "other.txt": "other\n"})
    line = r"sed -i 's/^begin$/begin\n{0}/' list.txt; echo {0} > {0}"
    names = ("one", "two", "three")
    run = swarm.spawn({n: {"argv": ["sh", "-c", line.format(n)]} for n in names})
    swarm.ended(run)
    return run


def resolver(swarm: Swarm, line: str) -> None:
    swarm.own_profile(
        "fixer",
        summary="Resolves conflicts.",
        kind="cli",
        program="sh",
        argv=["-c", line],
        prompt_via="stdin",
        sends_to="Nothing.",
    )


def lines_on(swarm: Swarm, branch: str) -> list[str]:
    return run_git(swarm.repository(), "show", f"{branch}:list.txt").splitlines()


def test_a_conflict_goes_to_a_worker_and_both_sides_are_in(swarm: Swarm, run: str):
    repo = swarm.repository()
    before = portrait(repo)
    resolver(swarm, KEEPS_BOTH.strip())
    words = ("aggregate", run, "--merge", "--resolve", "--profile", "fixer")

    first = swarm.call(*words, code=1)
    swarm.ended(run)
    told = swarm.ask(*words, code=None)["merged"]
    for _ in range(3):  # the third collides with what resolved the second
        if told["conflicts"]:
            swarm.ended(run)
            told = swarm.ask(*words, code=None)["merged"]

    assert f"Resolving: {run}/resolve-two, {run}/resolve-three" in first.lines
    assert told["conflicts"] == []
    assert sorted(lines_on(swarm, told["branch"])) == sorted(
        ["begin", "one", "two", "three", "end"]
    )
    for name in ("one", "two", "three"):
        branch = f"swarm/{run}/{name}"
        assert branch in told["merged"]
        assert run_git(repo, "rev-list", branch, "--not", told["branch"]) == ""
    assert portrait(repo) == before


def test_marks_that_are_left_are_never_merged(swarm: Swarm, run: str):
    resolver(swarm, "echo more >> list.txt")
    words = ("aggregate", run, "--merge", "--resolve", "--profile", "fixer")
    swarm.call(*words, code=1)
    ended = swarm.ended(run)
    assert ended["resolve-two"]["reason"] == "check_failed"
    merged = swarm.ask("aggregate", run, "--merge", code=1)["merged"]
    assert lines_on(swarm, merged["branch"]) == ["begin", "one", "end"]
    assert merged["conflicts"][0]["resolver"] == f"{run}/resolve-two"


def test_a_command_cannot_resolve_and_that_is_said(swarm: Swarm, run: str):
    error = swarm.ask("aggregate", run, "--merge", "--resolve", code=1)["error"]
    assert error["code"] == "resolver_needed"
    told = swarm.call("aggregate", run, "--merge", code=1)
    assert told.lines[-1].endswith(f"aggregate {run} --merge --resolve")
