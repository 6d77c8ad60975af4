from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from fakes.repos import (
    commit_files,
    make_branch,
    make_repository,
    portrait,
    run_git,
    write_files,
)
from kimi_swarm.workspace.errors import BranchTakenError
from kimi_swarm.workspace.merge import Conflict, start_from
from kimi_swarm.workspace.merged import MergeReport, merge_branches
from kimi_swarm.workspace.queue import Terms
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository
from kimi_swarm.workspace.worktree import add_worktree

pytestmark = pytest.mark.anyio

INTO = "swarm/r/merged"


@pytest.fixture
async def repo(tmp_path: Path) -> Repository:
    files = {"a.txt": "one\ntwo\nthree\n", "app.txt": "app\n"}
    return await open_repository(make_repository(tmp_path / "repo", files))


@pytest.fixture
def four(repo: Repository) -> list[str]:
    """Four branches of which the third conflicts with the first."""
    make_branch(repo.root, "swarm/r/one", {"a.txt": "ONE\ntwo\nthree\n"})
    make_branch(repo.root, "swarm/r/two", {"two.txt": "two\n"})
    make_branch(repo.root, "swarm/r/bad", {"a.txt": "uno\ntwo\n", "bad.txt": "b\n"})
    make_branch(repo.root, "swarm/r/four", {"sub/four ü.txt": "four\n"})
    return ["swarm/r/one", "swarm/r/two", "swarm/r/bad", "swarm/r/four"]


async def merge(repo: Repository, branches: list[str], into: str = INTO) -> MergeReport:
    path = repo.root.with_name("merging")
    return await merge_branches(
        repo, into=into, path=path, branches=branches, terms=Terms("main")
    )


async def test_a_conflict_leaves_out_one_branch_and_no_other(
    repo: Repository, four: list[str]
):
    report = await merge(repo, four)
    assert report.merged == ("swarm/r/one", "swarm/r/two", "swarm/r/four")
    assert report.contained == ()
    assert report.conflicts == (Conflict("swarm/r/bad", ("a.txt",), "conflict"),)
    assert run_git(repo.root, "rev-parse", INTO) == report.head
    names = run_git(repo.root, "ls-tree", "-r", "-z", "--name-only", INTO).split("\0")
    assert set(names) - {""} == {"a.txt", "app.txt", "two.txt", "sub/four ü.txt"}
    assert run_git(repo.root, "show", f"{INTO}:a.txt").startswith("ONE")


async def test_merging_twice_changes_nothing(repo: Repository, four: list[str]):
    first = await merge(repo, four)
    again = await merge(repo, four)
    assert again.head == first.head
    assert again.merged == ()
    assert again.contained == first.merged
    assert again.conflicts == first.conflicts


async def test_two_merges_at_once_wait_for_each_other(
    repo: Repository, four: list[str]
):
    reports: list[MergeReport] = []

    async def one() -> None:
        reports.append(await merge(repo, four))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert len({report.head for report in reports}) == 1
    assert [len(report.merged) for report in reports] == [3, 0, 0]


async def test_the_user_is_not_touched_by_a_merge(repo: Repository, four: list[str]):
    write_files(repo.root, {"a.txt": "stashed\n"})
    run_git(repo.root, "stash", "-q")
    run_git(repo.root, "checkout", "-q", "-b", "topic")
    write_files(repo.root, {"a.txt": "dirty\n", "staged": "s\n", "untracked": "u\n"})
    run_git(repo.root, "add", "staged")
    run_git(repo.root, "config", "merge.ff", "only")
    run_git(repo.root, "config", "rerere.enabled", "true")
    run_git(repo.root, "config", "merge.autoStash", "true")
    before = portrait(repo.root)
    report = await merge(repo, four)
    assert len(report.merged) == 3
    assert portrait(repo.root) == before
    assert (repo.root / "a.txt").read_text() == "dirty\n"
    assert not repo.root.with_name("merging").exists()
    assert len(run_git(repo.root, "worktree", "list").splitlines()) == 1


async def test_hooks_and_signing_do_not_stop_a_merge(
    repo: Repository, four: list[str], tmp_path: Path
):
    hooks = repo.root / ".git" / "hooks"
    hooks.mkdir()
    for name in ("pre-merge-commit", "post-merge", "commit-msg", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    run_git(repo.root, "config", "commit.gpgsign", "true")
    run_git(repo.root, "config", "gpg.program", "/nonexistent")
    report = await merge(repo, four)
    assert len(report.merged) == 3
    assert not (tmp_path / "ran").exists()


async def test_a_branch_within_another_is_contained(repo: Repository, four: list[str]):
    run_git(repo.root, "branch", "swarm/r/same", "swarm/r/one")
    report = await merge(repo, ["swarm/r/one", "swarm/r/same", "swarm/r/one"])
    assert report.merged == ("swarm/r/one",)
    assert report.contained == ("swarm/r/same",)


async def test_what_cannot_be_merged_at_all_says_why(repo: Repository, four: list[str]):
    run_git(repo.root, "checkout", "-q", "--orphan", "swarm/r/foreign")
    commit_files(repo.root, {"foreign.txt": "f\n"})
    run_git(repo.root, "checkout", "-q", "main")
    report = await merge(repo, ["swarm/r/gone", "swarm/r/foreign", "swarm/r/two"])
    assert report.merged == ("swarm/r/two",)
    assert [(c.branch, c.paths) for c in report.conflicts] == [
        ("swarm/r/gone", ()),
        ("swarm/r/foreign", ()),
    ]
    assert "unrelated histories" in report.conflicts[1].reason
    assert report.conflicts[0].reason == "there is no such branch"


async def test_renames_deletions_and_modes_conflict_by_name(repo: Repository):
    run_git(repo.root, "checkout", "-q", "-b", "swarm/r/deletes")
    run_git(repo.root, "rm", "-q", "a.txt")
    run_git(repo.root, "commit", "-q", "-m", "Delete")
    run_git(repo.root, "checkout", "-q", "main")
    make_branch(repo.root, "swarm/r/edits", {"a.txt": "one\nTWO\nthree\n"})
    report = await merge(repo, ["swarm/r/deletes", "swarm/r/edits"])
    assert report.merged == ("swarm/r/deletes",)
    assert report.conflicts[0].paths == ("a.txt",)


async def test_a_file_against_a_folder_is_a_conflict(repo: Repository):
    make_branch(repo.root, "swarm/r/file", {"x": "file\n"})
    make_branch(repo.root, "swarm/r/folder", {"x/y": "folder\n"})
    report = await merge(repo, ["swarm/r/file", "swarm/r/folder"])
    assert report.merged == ("swarm/r/file",)
    assert report.conflicts[0].branch == "swarm/r/folder"
    assert run_git(repo.root, "show", f"{INTO}:x") == "file"


async def test_a_merge_branch_in_use_is_refused(repo: Repository, four: list[str]):
    run_git(repo.root, "checkout", "-q", "-b", INTO)
    before = portrait(repo.root)
    with pytest.raises(BranchTakenError, match="checked out at"):
        await merge(repo, four)
    assert portrait(repo.root) == before


async def test_a_merge_that_died_is_taken_up(repo: Repository, four: list[str]):
    path = repo.root.with_name("merging")
    tree = await add_worktree(repo, path, branch=INTO, base="main")
    run_git(path, "merge", "-q", "--no-ff", "-m", "m", "swarm/r/one")
    run_git(path, "merge", "-q", "--no-ff", "swarm/r/bad", ok=False)
    (repo.common_dir / "worktrees" / "merging" / "index.lock").write_bytes(b"")
    report = await merge(repo, four)
    assert report.contained == ("swarm/r/one",)
    assert report.merged == ("swarm/r/two", "swarm/r/four")
    assert not tree.path.exists()
    assert run_git(repo.root, "branch", "--list", "swarm-salvage/*") == ""


async def test_a_persons_work_in_the_merge_folder_is_saved(
    repo: Repository, four: list[str]
):
    path = repo.root.with_name("merging")
    await add_worktree(repo, path, branch=INTO, base="main")
    write_files(path, {"note.txt": "by hand\n"})
    await merge(repo, four)
    shown = run_git(repo.root, "show", "swarm-salvage/r/merged:note.txt")
    assert shown == "by hand"


async def test_a_task_starts_from_the_merge_of_its_needs(
    repo: Repository, four: list[str], tmp_path: Path
):
    tree = await add_worktree(repo, tmp_path / "w", branch="swarm/r/app", base="main")
    start = await start_from(tree, ["swarm/r/one", "swarm/r/two"])
    assert start.conflicts == ()
    assert start.head == run_git(tree.path, "rev-parse", "HEAD")
    assert (tree.path / "two.txt").exists()
    merges = run_git(tree.path, "log", "--merges", "--format=%s", "main..")
    assert merges.splitlines() == [
        "Merge swarm/r/two into swarm/r/app",
        "Merge swarm/r/one into swarm/r/app",
    ]
    assert (await start_from(tree, ["swarm/r/one", "swarm/r/two"])).head == start.head


async def test_a_conflict_of_needs_is_told_and_the_worktree_is_clean(
    repo: Repository, four: list[str], tmp_path: Path
):
    tree = await add_worktree(repo, tmp_path / "w", branch="swarm/r/app", base="main")
    start = await start_from(tree, four)
    assert start.conflicts == (Conflict("swarm/r/bad", ("a.txt",), "conflict"),)
    assert run_git(tree.path, "status", "--porcelain") == ""
