from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.repos import make_branch, make_repository, portrait, run_git
from kimi_swarm.workspace.merged import merge_branches
from kimi_swarm.workspace.queue import Terms
from kimi_swarm.workspace.renew import renew_worktree
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.salvage import remove_worktree

pytestmark = pytest.mark.anyio

# A git that ends its caller without mercy at the N-th call, and then runs or does not.
DEADLY_GIT = """#!/bin/sh
echo x >> "{count}"
if [ "$(wc -l < "{count}")" -eq {at} ]; then
  {deed}
fi
exec "{git}" "$@"
"""

LIFE = """
import sys, anyio
from pathlib import Path
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.merge import start_from
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.salvage import remove_worktree
from kimi_swarm.workspace.worktree import add_worktree

async def main(root, path):
    repo = await open_repository(Path(root))
    tree = await add_worktree(repo, Path(path), branch="swarm/r/t", base="main")
    await start_from(tree, ["swarm/r/one"])
    (tree.path / "first.txt").write_text("first\\n")
    await commit_all(tree, "Work")
    (tree.path / "second.txt").write_text("second\\n")
    await remove_worktree(tree, salvage="swarm-salvage/r/t")

anyio.run(main, *sys.argv[1:])
"""


def is_kept(root: Path, name: str) -> bool:
    found = run_git(root, "rev-list", "--all", "--objects", "--branches")
    return any(line.endswith(f" {name}") for line in found.splitlines())


@pytest.mark.parametrize("at", [3, 4, 5, 8, 14, 19, 22])
async def test_a_kill_at_any_moment_loses_nothing_and_can_be_taken_up(
    tmp_path: Path, at: int
):
    root = make_repository(tmp_path / "repo", {"a.txt": "one\n"})
    make_branch(root, "swarm/r/one", {"one.txt": "one\n"})
    before = portrait(root)
    tools = tmp_path / "bin"
    tools.mkdir()
    real = shutil.which("git")
    deed = "kill -9 $PPID; exit 1" if at % 2 else "kill -9 $PPID"
    script = DEADLY_GIT.format(count=tmp_path / "count", at=at, deed=deed, git=real)
    (tools / "git").write_text(script)
    (tools / "git").chmod(0o755)
    path = tmp_path / "work"
    paths = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": ":".join(sys.path)}
    life = [sys.executable, "-c", LIFE, str(root), str(path)]
    ended = subprocess.run(life, env={**os.environ, **paths}, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    folders = (path, path.with_name("work.removed"))
    wrote = [
        name
        for name in ("first.txt", "second.txt")
        if any((folder / name).exists() for folder in folders)
    ]
    repo = await open_repository(root)
    tree = await renew_worktree(
        repo,
        path,
        branch="swarm/r/t",
        base=run_git(root, "rev-parse", "main"),
        salvage="swarm-salvage/r/again",
    )
    assert [name for name in wrote if not is_kept(root, name)] == []
    assert run_git(path, "status", "--porcelain") == ""
    await remove_worktree(tree, salvage="swarm-salvage/r/none")
    report = await merge_branches(
        repo,
        into="swarm/r/merged",
        path=tmp_path / "merging",
        branches=["swarm/r/one"],
        terms=Terms("main"),
    )
    assert report.merged == ("swarm/r/one",)
    assert portrait(root) == before
