from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fakes.repos import commit_files, make_repository, portrait, run_git, write_files
from fakes.workspaces import add
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.errors import (
    BranchTakenError,
    FolderTakenError,
    RepositoryGoneError,
    UnknownCommitError,
)
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository, git_dir_of
from kimi_swarm.workspace.worktree import add_worktree, create_fresh

pytestmark = pytest.mark.anyio


async def test_a_worktree_holds_the_base_on_its_own_branch(
    repo: Repository, tmp_path: Path
):
    tree = await add(repo, tmp_path)
    assert (tree.path / "src/b.txt").read_text() == "two\n"
    assert run_git(tree.path, "branch", "--show-current") == tree.branch
    assert run_git(tree.path, "status", "--porcelain") == ""


async def test_the_users_checkout_is_not_touched(repo: Repository, tmp_path: Path):
    write_files(repo.root, {"a.txt": "dirty\n", "new.txt": "untracked\n"})
    run_git(repo.root, "stash", "-q")
    write_files(repo.root, {"a.txt": "dirty again\n", "staged.txt": "s\n"})
    run_git(repo.root, "add", "staged.txt")
    run_git(repo.root, "config", "branch.autoSetupMerge", "always")
    before = portrait(repo.root)
    tree = await add(repo, tmp_path)
    write_files(tree.path, {"a.txt": "work\n"})
    await commit_all(tree, "Work")
    assert portrait(repo.root) == before
    assert (tree.path / "a.txt").read_text() == "work\n"


async def test_hooks_of_the_user_do_not_run(repo: Repository, tmp_path: Path):
    hooks = repo.root / ".git" / "hooks"
    hooks.mkdir()
    names = ("post-checkout", "pre-commit", "commit-msg", "post-commit", "pre-merge")
    for name in (*names, "prepare-commit-msg", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    tree = await add(repo, tmp_path)
    write_files(tree.path, {"a.txt": "work\n"})
    assert await commit_all(tree, "Work") is not None
    assert not (tmp_path / "ran").exists()


async def test_adding_again_finds_the_worktree_made_before(
    repo: Repository, tmp_path: Path
):
    first = await add(repo, tmp_path)
    assert await add(repo, tmp_path) == first


async def test_a_crash_before_the_checkout_is_mended(repo: Repository, tmp_path: Path):
    path = tmp_path / "work" / "header"
    args = ("--no-checkout", "-b", "swarm/calm-river/header", str(path), "main")
    run_git(repo.root, "worktree", "add", "-q", *args)
    lock = repo.common_dir / "worktrees" / "header" / "index.lock"
    lock.write_bytes(b"")
    tree = await add(repo, tmp_path)
    assert (tree.path / "a.txt").read_text() == "one\n"


async def test_a_branch_left_without_a_worktree_is_taken_up(
    repo: Repository, tmp_path: Path
):
    run_git(repo.root, "branch", "swarm/calm-river/header", "main")
    tree = await add(repo, tmp_path)
    assert run_git(tree.path, "branch", "--show-current") == tree.branch


async def test_a_registration_without_a_folder_is_taken_up(
    repo: Repository, tmp_path: Path
):
    tree = await add(repo, tmp_path)
    shutil.rmtree(tree.path)
    assert (await add(repo, tmp_path)).path.is_dir()


async def test_a_branch_held_by_a_vanished_sibling_is_taken_up(
    repo: Repository, tmp_path: Path
):
    tree = await add(repo, tmp_path)
    shutil.rmtree(tree.path)
    path = tree.path.with_name("header.2")
    again = await add_worktree(repo, path, branch=tree.branch, base=tree.base)
    assert (again.path / "a.txt").exists()


async def test_a_vanished_worktree_elsewhere_is_not_ours_to_forget(
    repo: Repository, tmp_path: Path
):
    branch = "swarm/calm-river/header"
    run_git(repo.root, "worktree", "add", "-q", "-b", branch, str(tmp_path / "usb"))
    shutil.rmtree(tmp_path / "usb")
    with pytest.raises(BranchTakenError, match="checked out at"):
        await add(repo, tmp_path)
    assert "usb" in run_git(repo.root, "worktree", "list")


async def test_a_worktree_with_work_in_it_is_not_taken_up(
    repo: Repository, tmp_path: Path
):
    tree = await add(repo, tmp_path)
    write_files(tree.path, {"new.txt": "precious\n"})
    with pytest.raises(FolderTakenError, match="with work"):
        await add(repo, tmp_path)
    assert (tree.path / "new.txt").exists()


async def test_a_filled_folder_is_refused(repo: Repository, tmp_path: Path):
    write_files(tmp_path / "work" / "header", {"x": "y"})
    with pytest.raises(FolderTakenError, match="not empty"):
        await add(repo, tmp_path)
    assert run_git(repo.root, "branch", "--list", "swarm/*") == ""


async def test_a_branch_that_leads_elsewhere_is_refused(
    repo: Repository, tmp_path: Path
):
    run_git(repo.root, "branch", "swarm/calm-river/header", "main")
    commit_files(repo.root, {"a.txt": "later\n"})
    with pytest.raises(BranchTakenError, match="another commit"):
        await add(repo, tmp_path)


async def test_a_branch_that_stands_in_the_way_is_named(
    repo: Repository, tmp_path: Path
):
    run_git(repo.root, "branch", "swarm/calm-river")
    with pytest.raises(BranchTakenError, match="branch swarm/calm-river stands"):
        await add(repo, tmp_path)


async def test_an_unknown_base_is_told(repo: Repository, tmp_path: Path):
    for base in ("nowhere", "0" * 39 + "1"):
        with pytest.raises(UnknownCommitError, match=base):
            await add_worktree(repo, tmp_path / "w", branch="swarm/r/t", base=base)


async def test_a_repository_that_went_away_is_told(repo: Repository, tmp_path: Path):
    shutil.rmtree(repo.root)
    with pytest.raises(RepositoryGoneError):
        await add_worktree(repo, tmp_path / "w", branch="swarm/r/t", base="main")


async def test_a_fresh_workspace_has_a_commit_and_is_found_again(tmp_path: Path):
    tree = await create_fresh(tmp_path / "fresh", branch="swarm/r/probe")
    assert run_git(tree.path, "rev-parse", "HEAD") == tree.base
    assert tree.is_fresh
    assert await create_fresh(tmp_path / "fresh", branch="swarm/r/probe") == tree


async def test_a_fresh_workspace_needs_an_empty_folder(tmp_path: Path):
    write_files(tmp_path / "fresh", {"x": "y"})
    with pytest.raises(FolderTakenError):
        await create_fresh(tmp_path / "fresh", branch="swarm/r/probe")


async def test_a_linked_worktree_of_the_user_works_as_repository(
    repo: Repository, tmp_path: Path
):
    run_git(repo.root, "worktree", "add", "-q", "-b", "topic", str(tmp_path / "topic"))
    head = commit_files(tmp_path / "topic", {"t.txt": "topic\n"})
    linked = await open_repository(tmp_path / "topic")
    tree = await add_worktree(linked, tmp_path / "w", branch="swarm/r/t", base="HEAD")
    assert tree.base == head
    assert linked.common_dir == repo.common_dir
    assert git_dir_of(tree) == repo.common_dir / "worktrees" / "w"


async def test_a_submodule_works_as_repository(repo: Repository, tmp_path: Path):
    outer = make_repository(tmp_path / "outer", {"o.txt": "o\n"})
    allow = ("-c", "protocol.file.allow=always")
    run_git(outer, *allow, "submodule", "add", "-q", str(repo.root), "lib")
    inner = await open_repository(outer / "lib")
    tree = await add_worktree(inner, tmp_path / "w", branch="swarm/r/t", base="HEAD")
    write_files(tree.path, {"n.txt": "n\n"})
    head = await commit_all(tree, "Work")
    assert run_git(outer / "lib", "rev-parse", "swarm/r/t") == head
    assert run_git(outer / "lib", "status", "--porcelain") == ""
