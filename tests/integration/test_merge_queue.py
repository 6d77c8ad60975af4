"""Merging with a check: the good ones are in, and the one that broke it is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.repos import commit_files, make_branch, make_repository, run_git
from kimi_swarm.workspace.errors import MergedChangedError
from kimi_swarm.workspace.merged import MergeReport, merge_branches
from kimi_swarm.workspace.queue import Terms
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository
from kimi_swarm.workspace.trial import Check, Checked

pytestmark = pytest.mark.anyio

INTO = "swarm/r/merged"


class Looker:
    """A check that looks at the names of the files that are there, and counts."""

    def __init__(self, passes: Callable[[set[str]], bool]) -> None:
        self.passes = passes
        self.looks = 0

    async def __call__(self, folder: Path) -> Checked:
        self.looks += 1
        names = {each.name for each in folder.iterdir()} - {".git"}
        assert "litter" not in names
        (folder / "litter").write_text("x")
        (folder / "a.txt").write_text("spoilt by the check")
        run_git(folder, "checkout", "-q", "--force", "--detach", "HEAD~0")
        (folder / "a.txt").write_text("spoilt by the check")
        if self.passes(names):
            return Checked(is_passed=True)
        return Checked(is_passed=False, why="exit code 1", output="it is broken")


@pytest.fixture
async def repo(tmp_path: Path) -> Repository:
    root = make_repository(tmp_path / "repo", {"a.txt": "one\n", ".gitignore": "lit*"})
    return await open_repository(root)


def branches_of(repo: Repository, names: str) -> list[str]:
    """Make a branch per letter, each with a file of its name."""
    for name in names:
        make_branch(repo.root, f"swarm/r/{name}", {name: f"{name}\n"})
    return [f"swarm/r/{name}" for name in names]


async def merge(
    repo: Repository,
    branches: list[str],
    check: Check | None,
    *,
    every: int | None = None,
    own_head: str | None = None,
    passing: str | None = None,
) -> MergeReport:
    base = run_git(repo.root, "rev-parse", "main")
    return await merge_branches(
        repo,
        into=INTO,
        path=repo.root.with_name("merging"),
        branches=branches,
        terms=Terms(base, check, every, passing, own_head),
    )


def ends(report: MergeReport) -> str:
    """Tell which letters were merged, and after a slash which broke the check."""
    broken = "".join(each.branch[-1] for each in report.broken)
    return f"{''.join(each[-1] for each in report.merged)}/{broken}"


@pytest.mark.parametrize("every", [1, 2, 3, 5, None])
async def test_a_branch_that_breaks_the_check_is_found_and_taken_back(
    repo: Repository, every: int | None
):
    check = Looker(lambda names: "d" not in names)
    report = await merge(repo, branches_of(repo, "abcdef"), check, every=every)
    assert ends(report) == "abcef/d"
    assert report.broken[0].company == ()
    assert report.broken[0].checked.output == "it is broken"
    assert report.check == Checked(is_passed=True)
    names = run_git(repo.root, "ls-tree", "--name-only", INTO).split()
    assert names == [".gitignore", "a", "a.txt", "b", "c", "e", "f"]
    assert run_git(repo.root, "show", "swarm/r/d:d") == "d"


@pytest.mark.parametrize("every", [1, 4, 6])
async def test_two_that_break_it_only_together_are_named_together(
    repo: Repository, every: int
):
    check = Looker(lambda names: not {"b", "e"} <= names)
    report = await merge(repo, branches_of(repo, "abcdef"), check, every=every)
    assert ends(report) == "abcdf/e"
    assert report.broken[0].company == ("swarm/r/b",)


async def test_what_takes_three_is_not_blamed_on_two(repo: Repository):
    check = Looker(lambda names: not {"p", "q", "r"} <= names)
    report = await merge(repo, branches_of(repo, "pqrs"), check)
    assert ends(report) == "pqs/r"
    assert report.broken[0].company is None


async def test_many_branches_cost_few_checks(repo: Repository):
    check = Looker(lambda names: "s" not in names)
    letters = "bcdefghijklmnopqrstuvwxyz"
    report = await merge(repo, branches_of(repo, letters), check)
    assert ends(report) == f"{letters.replace('s', '')}/s"
    assert check.looks <= 1 + 4 + 4 + 2  # before, batches, halving one, company


async def test_what_collided_with_a_broken_one_is_merged_once_that_is_out(
    repo: Repository,
):
    names = branches_of(repo, "abc")
    make_branch(repo.root, "swarm/r/d", {"b": "other\n"})
    check = Looker(lambda names: "b" not in names or "c" in names)
    report = await merge(repo, [*names[:2], "swarm/r/d"], check, every=3)
    assert ends(report) == "a/bd"
    assert report.conflicts == ()


async def test_a_check_that_fails_before_anything_is_merged_blames_nobody(
    repo: Repository,
):
    check = Looker(lambda _: False)
    report = await merge(repo, branches_of(repo, "abc"), check)
    assert ends(report) == "abc/"
    assert report.base_fails
    assert report.check == Checked(
        is_passed=False, why="exit code 1", output="it is broken"
    )


async def test_once_it_passes_whoever_breaks_it_is_set_aside(repo: Repository):
    check = Looker(lambda names: "b" in names and "d" not in names)
    report = await merge(repo, branches_of(repo, "abcde"), check)
    assert ends(report) == "abce/d"
    assert not report.base_fails
    assert report.check == Checked(is_passed=True)


async def test_nothing_new_costs_no_check(repo: Repository):
    names = branches_of(repo, "ab")
    first = await merge(repo, names, Looker(lambda _: True))
    check = Looker(lambda _: False)
    again = await merge(repo, names, check, passing=first.head)
    assert (again.head, again.contained, check.looks) == (first.head, tuple(names), 0)


async def test_a_check_that_comes_later_finds_who_broke_it(repo: Repository):
    names = branches_of(repo, "abc")
    first = await merge(repo, names, None)
    check = Looker(lambda names: "b" not in names)
    report = await merge(repo, names, check, own_head=first.head)
    assert ends(report) == "ac/b"
    assert run_git(repo.root, "ls-tree", "--name-only", INTO).split()[1:] == [
        "a",
        "a.txt",
        "c",
    ]


async def test_what_somebody_else_put_there_is_not_undone(repo: Repository):
    names = branches_of(repo, "ab")
    first = await merge(repo, names, None)
    run_git(repo.root, "checkout", "-q", INTO)
    mine = commit_files(repo.root, {"mine": "by hand\n"})
    run_git(repo.root, "checkout", "-q", "main")
    with pytest.raises(MergedChangedError):
        await merge(
            repo, names, Looker(lambda names: "b" not in names), own_head=first.head
        )
    assert run_git(repo.root, "rev-parse", INTO) == mine


async def test_a_check_that_raises_leaves_what_passed(repo: Repository):
    def passes(names: set[str]) -> bool:
        if "c" in names:
            raise ZeroDivisionError
        return True

    names = branches_of(repo, "abc")
    with pytest.raises(ZeroDivisionError):
        await merge(repo, names, Looker(passes))
    shown = run_git(repo.root, "ls-tree", "--name-only", INTO).split()
    assert shown == [".gitignore", "a", "a.txt", "b"]
    assert run_git(repo.root, "branch", "--list", "swarm-salvage/*") == ""
    assert not repo.root.with_name("merging").exists()


async def test_an_edit_never_wanders_into_another_branch_s_new_file(repo: Repository):
    """Git would take `moved` for `a.txt` renamed, and put the edit there unasked."""
    text = "".join(f"line {number}\n" for number in range(20))
    commit_files(repo.root, {"a.txt": text})
    run_git(repo.root, "checkout", "-q", "-b", "swarm/r/mover")
    run_git(repo.root, "mv", "a.txt", "moved")
    run_git(repo.root, "commit", "-q", "-m", "Move")
    run_git(repo.root, "checkout", "-q", "main")
    make_branch(repo.root, "swarm/r/editor", {"a.txt": text.replace("line 7", "new")})
    report = await merge(repo, ["swarm/r/mover", "swarm/r/editor"], None)
    assert report.merged == ("swarm/r/mover",)
    assert report.conflicts[0].paths == ("a.txt",)
    assert run_git(repo.root, "show", f"{INTO}:moved") == text.strip()
