"""What tests of workspaces start from: a repository, and one worktree of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.repos import make_repository
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository, Worktree
from kimi_swarm.workspace.worktree import add_worktree


@pytest.fixture
async def repo(tmp_path: Path) -> Repository:
    files = {"a.txt": "one\n", "src/b.txt": "two\n"}
    return await open_repository(make_repository(tmp_path / "repo", files))


@pytest.fixture
async def tree(tmp_path: Path) -> Worktree:
    files = {"a.txt": "one\n", "src/b.txt": "two\n", ".gitignore": "*.log\n.env\n"}
    repo = await open_repository(make_repository(tmp_path / "repo", files))
    return await add_worktree(repo, tmp_path / "work", branch="swarm/r/t", base="main")
