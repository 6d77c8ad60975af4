from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fakes.repos import commit_files, run_git, write_files
from fakes.workspaces import add
from kimi_swarm.workspace.errors import (
    FolderTakenError,
)
from kimi_swarm.workspace.renew import renew_worktree
from kimi_swarm.workspace.tree import Repository

pytestmark = pytest.mark.anyio


async def test_renewing_saves_what_an_earlier_try_left(
    repo: Repository, tmp_path: Path
):
    tree = await add(repo, tmp_path)
    commit_files(tree.path, {"done.txt": "committed\n"})
    write_files(tree.path, {"half.txt": "not committed\n"})
    again = await renew_worktree(
        repo,
        tree.path,
        branch=tree.branch,
        base=tree.base,
        salvage="swarm-salvage/calm-river/header",
    )
    assert run_git(again.path, "rev-parse", "HEAD") == tree.base
    kept = run_git(
        repo.root, "log", "-p", "swarm-salvage/calm-river/header", "--not", "main"
    )
    assert "+committed" in kept
    assert "+not committed" in kept


async def test_renewing_saves_commits_of_a_branch_without_a_folder(
    repo: Repository, tmp_path: Path
):
    tree = await add(repo, tmp_path)
    commit = commit_files(tree.path, {"done.txt": "committed\n"})
    shutil.rmtree(tree.path)
    await renew_worktree(
        repo, tree.path, branch=tree.branch, base=tree.base, salvage="swarm-salvage/r/t"
    )
    assert run_git(repo.root, "rev-parse", "swarm-salvage/r/t") == commit


async def test_renewing_leaves_a_strangers_folder_alone(
    repo: Repository, tmp_path: Path
):
    write_files(tmp_path / "w", {"x": "y"})
    with pytest.raises(FolderTakenError):
        await renew_worktree(
            repo, tmp_path / "w", branch="swarm/r/t", base="main", salvage="s"
        )
    assert (tmp_path / "w" / "x").exists()
