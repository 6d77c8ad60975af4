"""A newcomer's first command: the tour, from a fresh clone, with nothing set up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.swarm_cli import Swarm, bare_environment, copy_tree, git

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Swarm]:
    """Somebody with a fresh clone, an empty home, no git identity and no uv."""
    clone = copy_tree(tmp_path / "clone")
    git(clone, "init", "-q", "-b", "main")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "Begin")
    home = tmp_path / "home"
    home.mkdir()
    user = Swarm(clone, tmp_path, bare_environment(home))
    try:
        yield user
    finally:
        left = user.end()
    assert left == [], "processes outlived the tour"
    assert user.complaints() == "", "the supervisor met an error of its own"


def everything_in(folder: Path) -> set[str]:
    found = (str(one.relative_to(folder)) for one in folder.rglob("*"))
    return {one for one in found if not one.startswith(".git/")}


def test_the_tour_ends_with_five_tasks_a_merged_branch_and_a_report(
    newcomer: Swarm,
) -> None:
    clone = newcomer.tree
    before = everything_in(clone)
    done = newcomer.call("run", "examples/tour.yaml", cwd=clone)
    listed = newcomer.ask("list", cwd=clone)
    assert len(listed["runs"]) == 1
    run, repository = listed["runs"][0]["run"], Path(listed["runs"][0]["repo"])
    sessions = newcomer.sessions(run)
    assert [one["outcome"] for one in sessions.values()] == ["succeeded"] * 5
    merged = f"swarm/{run}/merged"
    assert merged in done.out
    merged_files = set(git(repository, "ls-tree", "-r", "--name-only", merged).split())
    for session in sessions.values():
        changed = {file["path"] for file in session["files"]}
        assert changed
        assert changed <= merged_files
    report = newcomer.call("aggregate", run, cwd=clone).out
    assert all(task in report for task in sessions)

    assert git(clone, "status", "--porcelain", "--ignored") == ""
    assert everything_in(clone) == before
    assert list((clone / "skill").rglob("__pycache__")) == []
