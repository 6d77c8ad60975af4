from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from fakes.repos import run_git
from fakes.workspaces import add
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.tree import Repository

pytestmark = pytest.mark.anyio


async def test_forty_worktrees_at_once_never_fail(repo: Repository, tmp_path: Path):
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(add, repo, tmp_path, f"task-{number}")
    assert len(run_git(repo.root, "worktree", "list").splitlines()) == 41
    assert (tmp_path / "work/task-39/a.txt").exists()


ADDER = """
import sys, anyio
from pathlib import Path
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.worktree import add_worktree
async def main(root, work, name):
    repo = await open_repository(Path(root))
    async with anyio.create_task_group() as group:
        for n in range(10):
            async def one(n=n):
                path, branch = Path(work) / f"{name}-{n}", f"swarm/x/{name}-{n}"
                await add_worktree(repo, path, branch=branch, base="main")
            group.start_soon(one)
anyio.run(main, *sys.argv[1:])
"""


async def test_two_processes_add_worktrees_at_once(repo: Repository, tmp_path: Path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    adders = [
        subprocess.Popen(
            [sys.executable, "-c", ADDER, repo.root, tmp_path / "w", name], env=env
        )
        for name in ("left", "right")
    ]
    codes = [await anyio.to_thread.run_sync(adder.wait, 60) for adder in adders]
    assert codes == [0, 0]
    assert len(run_git(repo.root, "worktree", "list").splitlines()) == 21


HOLDER = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def test_the_lock_lets_one_in_by_turns_and_leaves_no_file(repo: Repository):
    before = sorted(repo.common_dir.iterdir())
    inside: list[int] = []
    order: list[int] = []
    most = 0

    async def enter(number: int) -> None:
        nonlocal most
        async with folder_lock(repo.common_dir):
            inside.append(number)
            order.append(number)
            most = max(most, len(inside))
            await anyio.lowlevel.checkpoint()
            inside.remove(number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(enter, number)
    assert most == 1
    assert order == sorted(order)
    assert sorted(repo.common_dir.iterdir()) == before


async def test_waiting_for_the_lock_can_be_cancelled(repo: Repository):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDER,
            repo.common_dir,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with anyio.move_on_after(0.05) as scope:
            async with folder_lock(repo.common_dir):
                pytest.fail("the lock is held elsewhere")
        assert scope.cancelled_caught
        holder.stdin.close()
    async with folder_lock(repo.common_dir):
        pass
