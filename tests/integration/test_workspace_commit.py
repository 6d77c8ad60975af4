from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fakes.repos import commit_files, make_repository, run_git, write_files
from fakes.workspaces import on_branch
from kimi_swarm.workspace.changes import (
    changes,
    has_work,
)
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.errors import (
    RepositoryGoneError,
    StrayHeadError,
    UnresolvedMergeError,
    WorkspaceGoneError,
)
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Worktree
from kimi_swarm.workspace.worktree import create_fresh

pytestmark = pytest.mark.anyio


async def test_everything_but_ignored_files_is_committed(tree: Worktree):
    write_files(tree.path, {"a.txt": "x\n", "new/c.txt": "c\n", "d.log": "no\n"})
    (tree.path / "src/b.txt").unlink()
    head = await commit_all(tree, "Work\n\nSwarm-Session: r/t\n")
    assert head == run_git(tree.repo.root, "rev-parse", tree.branch)
    found = await changes(tree)
    assert {(file.path, file.status) for file in found.files} == {
        ("a.txt", "M"),
        ("new/c.txt", "A"),
        ("src/b.txt", "D"),
    }
    assert (found.head, found.commits, found.added, found.deleted) == (head, 1, 2, 2)
    assert "Swarm-Session: r/t" in run_git(tree.path, "log", "-1", "--format=%B")


async def test_what_the_worker_committed_itself_counts(tree: Worktree):
    head = commit_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work") is None
    found = await changes(tree)
    assert (found.head, found.commits, found.total) == (head, 1, 1)
    assert await has_work(tree)


async def test_without_any_identity_the_commit_is_ours(
    tree: Worktree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("EMAIL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    write_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work")
    shown = run_git(tree.path, "log", "-1", "--format=%an <%ae> %cn <%ce>")
    own = "kimi-swarm <kimi-swarm@localhost>"
    assert shown == f"{own} {own}"


async def test_the_users_identity_is_kept_where_it_is_set(
    tree: Worktree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("EMAIL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Env Author")
    run_git(tree.repo.root, "config", "user.name", "Config User")
    run_git(tree.repo.root, "config", "user.email", "user@example.org")
    write_files(tree.path, {"a.txt": "x\n"})
    await commit_all(tree, "Work")
    shown = run_git(tree.path, "log", "-1", "--format=%an <%ae> %cn <%ce>")
    assert shown == "Env Author <user@example.org> Config User <user@example.org>"


async def test_signing_that_cannot_work_is_not_tried(
    tree: Worktree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = tmp_path / "config"
    config.write_text("[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = /nonexistent\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    write_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work")


async def test_inherited_git_variables_lead_nowhere(
    tree: Worktree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = make_repository(tmp_path / "other", {"o.txt": "o\n"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    write_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work")
    assert on_branch(tree, "a.txt") == "x"
    assert not (tmp_path / "index").exists()
    assert await open_repository(tree.repo.root) == tree.repo


async def test_a_stale_index_lock_does_not_stop_us(tree: Worktree):
    write_files(tree.path, {"a.txt": "x\n"})
    lock = tree.repo.common_dir / "worktrees" / "work" / "index.lock"
    lock.write_bytes(b"")
    assert await commit_all(tree, "Work")
    assert not lock.exists()


async def test_work_on_a_detached_head_comes_home(tree: Worktree):
    run_git(tree.path, "checkout", "-q", "--detach")
    commit_files(tree.path, {"a.txt": "detached\n"})
    write_files(tree.path, {"n.txt": "dirty\n"})
    assert await commit_all(tree, "Work")
    assert run_git(tree.path, "branch", "--show-current") == tree.branch
    assert on_branch(tree, "a.txt") == "detached"
    assert on_branch(tree, "n.txt") == "dirty"


async def test_work_on_a_branch_grown_from_ours_comes_home(tree: Worktree):
    run_git(tree.path, "checkout", "-q", "-b", "feature/header")
    head = commit_files(tree.path, {"a.txt": "feature\n"})
    assert await commit_all(tree, "Work") is None
    found = await changes(tree)
    assert (found.head, found.commits) == (head, 1)
    assert run_git(tree.repo.root, "rev-parse", "feature/header") == head


async def test_a_worker_on_the_users_branch_is_told_as_stray(tree: Worktree):
    run_git(tree.repo.root, "branch", "develop", "main")
    run_git(tree.repo.root, "checkout", "-q", "develop")
    develop = commit_files(tree.repo.root, {"d.txt": "users\n"})
    run_git(tree.repo.root, "checkout", "-q", "main")
    run_git(tree.path, "checkout", "-q", "develop")
    write_files(tree.path, {"n.txt": "dirty\n"})
    with pytest.raises(StrayHeadError, match="on develop instead of swarm/r/t"):
        await commit_all(tree, "Work")
    assert run_git(tree.repo.root, "rev-parse", tree.branch) == tree.base
    assert run_git(tree.repo.root, "rev-parse", "develop") == develop
    assert (tree.path / "n.txt").exists()
    assert await has_work(tree)


async def test_an_unfinished_rebase_is_told_as_stray(tree: Worktree):
    commit_files(tree.path, {"a.txt": "mine\n"})
    run_git(tree.repo.root, "branch", "other", "main")
    run_git(tree.repo.root, "checkout", "-q", "other")
    commit_files(tree.repo.root, {"a.txt": "theirs\n"})
    run_git(tree.path, "rebase", "-q", "other", ok=False)
    with pytest.raises(StrayHeadError, match="unfinished rebase"):
        await commit_all(tree, "Work")


async def test_a_deleted_or_renamed_branch_is_made_again(tree: Worktree):
    run_git(tree.path, "branch", "-m", "renamed")
    commit_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work") is None
    assert on_branch(tree, "a.txt") == "x"


async def test_an_orphan_branch_comes_home(tree: Worktree):
    run_git(tree.path, "checkout", "-q", "--orphan", "empty")
    write_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work")
    assert (await changes(tree)).commits == 1


async def test_unresolved_conflicts_are_not_committed(tree: Worktree):
    commit_files(tree.path, {"a.txt": "mine\n"})
    run_git(tree.repo.root, "checkout", "-q", "-b", "other")
    commit_files(tree.repo.root, {"a.txt": "theirs\n"})
    run_git(tree.path, "merge", "-q", "other", ok=False)
    with pytest.raises(UnresolvedMergeError, match=r"a\.txt"):
        await commit_all(tree, "Work")
    write_files(tree.path, {"a.txt": "both\n"})
    run_git(tree.path, "add", "a.txt")
    head = await commit_all(tree, "Work")
    assert head is not None
    parents = run_git(tree.path, "rev-list", "--parents", "-1", head).split()[1:]
    assert len(parents) == 2


async def test_a_deleted_git_file_is_mended(tree: Worktree):
    (tree.path / ".git").unlink()
    write_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work")
    assert on_branch(tree, "a.txt") == "x"


async def test_a_pruned_worktree_is_registered_again(tree: Worktree):
    (tree.path / ".git").unlink()
    run_git(tree.repo.root, "worktree", "prune")
    write_files(tree.path, {"a.txt": "x\n"})
    assert await commit_all(tree, "Work")
    assert on_branch(tree, "a.txt") == "x"
    assert run_git(tree.path, "status", "--porcelain") == ""


async def test_a_folder_that_went_away_is_told(tree: Worktree):
    head = commit_files(tree.path, {"a.txt": "x\n"})
    shutil.rmtree(tree.path)
    with pytest.raises(WorkspaceGoneError):
        await commit_all(tree, "Work")
    assert (await changes(tree)).head == head


async def test_a_lost_git_file_never_leads_to_the_repository_around(tmp_path: Path):
    outer = make_repository(tmp_path / "outer", {"o.txt": "o\n"})
    fresh = await create_fresh(outer / "state" / "fresh", branch="swarm/r/t")
    shutil.rmtree(fresh.path / ".git")
    write_files(fresh.path, {"x.txt": "x\n"})
    before = run_git(outer, "rev-parse", "HEAD")
    with pytest.raises(RepositoryGoneError):
        await commit_all(fresh, "Work")
    assert run_git(outer, "rev-parse", "HEAD") == before
    assert run_git(outer, "diff", "--cached", "--name-only") == ""


async def test_a_worker_that_began_its_own_repository_loses_no_file(tree: Worktree):
    (tree.path / ".git").unlink()
    run_git(tree.path, "init", "-q")
    commit_files(tree.path, {"a.txt": "x\n", "n.txt": "n\n"})
    assert await commit_all(tree, "Work")
    assert on_branch(tree, "n.txt") == "n"


async def test_repositories_inside_are_committed_as_plain_files(tree: Worktree):
    for name in ("app", "app/deep", "unborn"):
        write_files(tree.path / name, {"f.txt": f"{name}\n", ".gitignore": "skip\n"})
        write_files(tree.path / name, {"skip": "ignored\n"})
        run_git(tree.path / name, "init", "-q")
    commit_files(tree.path / "app/deep", {"g.txt": "g\n"})
    write_files(tree.path / "app", {"dirty.txt": "dirty\n"})
    assert await commit_all(tree, "Work")
    listed = run_git(tree.repo.root, "ls-tree", "-r", "--name-only", tree.branch)
    assert {"app/f.txt", "app/deep/g.txt", "app/dirty.txt", "unborn/f.txt"} <= {
        *listed.split()
    }
    assert "skip" not in listed
    assert await commit_all(tree, "Again") is None
    write_files(tree.path / "app", {"later.txt": "later\n"})
    assert await commit_all(tree, "Later")
    assert on_branch(tree, "app/later.txt") == "later"
    assert "160000" not in run_git(tree.repo.root, "ls-tree", "-r", tree.branch)


async def test_a_fresh_workspace_commits_too(tmp_path: Path):
    fresh = await create_fresh(tmp_path / "fresh", branch="swarm/r/probe")
    write_files(fresh.path, {"x.txt": "x\n"})
    head = await commit_all(fresh, "Work")
    found = await changes(fresh)
    assert (found.head, found.commits, found.total) == (head, 1, 1)
