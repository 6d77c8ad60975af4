"""Workspaces as tests have them: a task's worktree, and what its branch holds."""

from __future__ import annotations

from pathlib import Path

from fakes.repos import run_git
from kimi_swarm.workspace.tree import Repository, Worktree
from kimi_swarm.workspace.worktree import add_worktree


async def add(repo: Repository, tmp_path: Path, task: str = "header") -> Worktree:
    return await add_worktree(
        repo,
        tmp_path / "work" / task,
        branch=f"swarm/calm-river/{task}",
        base=run_git(repo.root, "rev-parse", "main"),
    )


def on_branch(tree: Worktree, name: str) -> str:
    return run_git(tree.repo.root, "show", f"{tree.branch}:{name}")
