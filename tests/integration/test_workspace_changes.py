from __future__ import annotations

import os
from pathlib import Path

import pytest

from fakes.repos import commit_files, write_files
from kimi_swarm.workspace.changes import (
    changes,
    changes_between,
    diff_text,
    has_work,
)
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.tree import Worktree

pytestmark = pytest.mark.anyio


async def test_nothing_to_commit_is_none(tree: Worktree):
    assert await commit_all(tree, "Work") is None
    assert not await has_work(tree)
    assert (await changes(tree)).commits == 0


async def test_names_of_any_bytes_survive(tree: Worktree):
    names = ["sp ace.txt", "line\nend.txt", "grün.txt", "-rf.txt", ":(top)x", 'q"t']
    for name in names:
        (tree.path / name).write_text("x")
    raw = os.fsencode(tree.path) + b"/raw\xff.txt"
    Path(os.fsdecode(raw)).write_text("x")
    assert await has_work(tree)
    await commit_all(tree, "Work")
    paths = {file.path for file in (await changes(tree)).files}
    assert paths == {*names, "raw\\xff.txt"}


async def test_binary_files_have_no_lines(tree: Worktree):
    (tree.path / "b.bin").write_bytes(bytes(range(256)))
    await commit_all(tree, "Work")
    (file,) = (await changes(tree)).files
    assert (file.added, file.deleted) == (None, None)


async def test_many_files_are_counted_and_few_are_told(tree: Worktree):
    write_files(tree.path, {f"many/{number}.txt": "x\n" for number in range(1500)})
    await commit_all(tree, "Work")
    found = await changes(tree, limit=10)
    assert (len(found.files), found.total, found.added) == (10, 1500, 1500)


async def test_a_diff_is_bounded_and_says_so(tree: Worktree):
    write_files(tree.path, {"big.txt": "line\n" * 5000, "a.txt": "x\n"})
    head = await commit_all(tree, "Work")
    assert head is not None
    whole = await diff_text(tree.repo, tree.base, head)
    assert "+x" in whole
    assert "cut" not in whole
    short = await diff_text(tree.repo, tree.base, head, limit_bytes=500)
    assert len(short) < 540
    assert short.endswith("more bytes were cut]\n")
    assert "big.txt" in short


async def test_a_branch_moved_back_counts_no_commits(tree: Worktree):
    head = commit_files(tree.repo.root, {"a.txt": "later\n"})
    found = await changes_between(tree.repo, head, tree.ref)
    assert (found.commits, found.total, found.head) == (0, 1, tree.base)
