from __future__ import annotations

from pathlib import Path

import pytest

from fakes.repos import write_files
from kimi_swarm.workspace.changes import (
    changes,
    has_work,
)
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.copying import copy_into
from kimi_swarm.workspace.errors import (
    MissingPathError,
    PathOutsideError,
)
from kimi_swarm.workspace.tree import Worktree

pytestmark = pytest.mark.anyio


async def test_copied_files_are_not_the_workers(tree: Worktree):
    write_files(tree.repo.root, {".env": "KEY=1\n", "local/settings": "s\n"})
    (tree.repo.root / ".env").chmod(0o600)
    copied = await copy_into(tree, [".env", "local", "a.txt"])
    assert (tree.path / ".env").stat().st_mode & 0o777 == 0o600
    assert not await has_work(copied)
    write_files(tree.path, {"n.txt": "n\n", "a.txt": "changed\n"})
    assert await commit_all(copied, "Work")
    assert [file.path for file in (await changes(copied)).files] == ["a.txt", "n.txt"]


async def test_tracked_files_in_a_copied_folder_are_committed(tree: Worktree):
    write_files(tree.repo.root, {"src/local": "untracked\n"})
    copied = await copy_into(tree, ["src"])
    write_files(tree.path, {"src/b.txt": "changed\n"})
    assert await commit_all(copied, "Work")
    assert [file.path for file in (await changes(copied)).files] == ["src/b.txt"]


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("../secret", "climbs"),
        ("src/../../secret", "climbs"),
        (".", "repository itself"),
        ("", "repository itself"),
        (".git/config", "belongs to git"),
        ("link/secret", "leads out"),
        ("a\0b", "NUL"),
    ],
)
async def test_paths_that_leave_the_repository_are_refused(
    tree: Worktree, tmp_path: Path, item: str, why: str
):
    write_files(tmp_path / "outside", {"secret": "s\n"})
    (tree.repo.root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(PathOutsideError, match=why):
        await copy_into(tree, ["a.txt", item])


async def test_a_link_in_the_workspace_does_not_lead_a_copy_out(
    tree: Worktree, tmp_path: Path
):
    write_files(tree.repo.root, {"conf/.env": "KEY=1\n"})
    (tree.path / "conf").symlink_to(tmp_path)
    with pytest.raises(PathOutsideError, match="out of the workspace"):
        await copy_into(tree, ["conf/.env"])
    assert not (tmp_path / ".env").exists()


async def test_a_missing_path_is_told_before_anything_is_copied(tree: Worktree):
    write_files(tree.repo.root, {".env": "KEY=1\n"})
    with pytest.raises(MissingPathError, match="'gone'"):
        await copy_into(tree, [".env", "gone"])
    assert not (tree.path / ".env").exists()
