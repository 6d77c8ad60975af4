"""Putting everything a worker left into the index, repositories inside included."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kimi_swarm.workspace.git import git, one_line
from kimi_swarm.workspace.status import Status, is_within, parse_status
from kimi_swarm.workspace.tree import Worktree, tree_env


async def stage(tree: Worktree, seen: Status, *, index: Path | None = None) -> None:
    """Stage all changed and untracked files that git does not ignore.

    A repository that a worker made inside (scaffolding tools do) is staged as plain
    files: as a link to a commit its content would be lost with the folder. Raises
    GitError.
    """
    env = tree_env(tree, index=index)
    held_back = [
        item
        for item in tree.copied
        if any(is_within(path, item) for path in seen.copies)
    ]
    await _add_all(tree.path, env, [*map(os.fsdecode, seen.nested), *held_back])
    if held_back:
        await git(tree.path, "--literal-pathspecs", "add", "-u", *held_back, env=env)
    if seen.nested:
        objects = tree.repo.common_dir / "objects"
        await _stage_nested(tree.path, seen.nested, env, objects)


async def _add_all(cwd: Path, env: Mapping[str, str], without: list[str]) -> None:
    excluded = [f":(exclude,top,literal){path.rstrip('/')}" for path in without]
    await git(cwd, "add", "-A", "--", ".", *excluded, env=env)


async def _stage_nested(
    cwd: Path, nested: tuple[bytes, ...], env: Mapping[str, str], objects: Path
) -> None:
    for name in map(os.fsdecode, nested):
        written = await _tree_of(cwd / name, objects)
        prefix = f"--prefix={name.rstrip('/')}/"
        await git(cwd, "read-tree", prefix, written, env=env)


async def _tree_of(inner: Path, objects: Path) -> str:
    """Write the files of an inner repository to the outer one, and return the tree."""
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-") as scratch:
        env = {
            # An empty index, so that each file is written to `objects` afresh.
            "GIT_INDEX_FILE": str(Path(scratch) / "index"),
            "GIT_OBJECT_DIRECTORY": str(objects),
        }
        args = ("--porcelain=v2", "-z", "--branch", "--untracked-files=all")
        env_own = {"GIT_INDEX_FILE": env["GIT_INDEX_FILE"]}
        seen = parse_status(await git(inner, "status", *args, env=env_own))
        await _add_all(inner, env, [os.fsdecode(path) for path in seen.nested])
        await _stage_nested(inner, seen.nested, env, objects)
        return one_line(await git(inner, "write-tree", env=env))
