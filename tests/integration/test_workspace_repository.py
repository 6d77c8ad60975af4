from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fakes.repos import commit_files, make_repository, portrait, run_git, write_files
from kimi_swarm.process.command import (
    CommandStartError,
    CommandTimeoutError,
    FolderMissingError,
    ProgramMissingError,
    run_command,
)
from kimi_swarm.workspace.branches import (
    delete_branch,
    find_branch,
    is_contained,
    rename_branch,
    unmerged,
)
from kimi_swarm.workspace.errors import (
    BareRepositoryError,
    BranchTakenError,
    FolderTakenError,
    NoCommitError,
    NotARepositoryError,
    UnknownCommitError,
)
from kimi_swarm.workspace.git import GitError, git
from kimi_swarm.workspace.repository import (
    create_repository,
    open_repository,
    resolve_commit,
)
from kimi_swarm.workspace.survey import survey
from kimi_swarm.workspace.tree import Repository
from kimi_swarm.workspace.worktree import add_worktree

pytestmark = pytest.mark.anyio


async def test_a_repository_is_found_from_any_folder_in_it(repo: Repository):
    assert await open_repository(repo.root / "src") == repo
    assert repo.common_dir == repo.root / ".git"


async def test_a_path_with_a_line_end_is_no_trouble(tmp_path: Path):
    root = make_repository(tmp_path / "odd\nname grün", {"a.txt": "one\n"})
    repo = await open_repository(root)
    assert repo == Repository(root, root / ".git")
    tree = await add_worktree(
        repo, tmp_path / "w\nx" / "t", branch="swarm/r/t", base="main"
    )
    assert (tree.path / "a.txt").exists()


async def test_what_is_no_repository_says_what_to_do(tmp_path: Path):
    with pytest.raises(NotARepositoryError) as told:
        await open_repository(tmp_path)
    assert "git init" in told.value.remedy
    assert "workspace: fresh" in told.value.remedy
    (tmp_path / "file").write_text("x")
    for name in ("nowhere", "file"):
        with pytest.raises(FolderMissingError):
            await open_repository(tmp_path / name)


async def test_a_bare_repository_is_refused(tmp_path: Path):
    run_git(tmp_path, "init", "-q", "--bare", "bare.git")
    with pytest.raises(BareRepositoryError):
        await open_repository(tmp_path / "bare.git")


async def test_a_repository_without_a_commit_is_refused(tmp_path: Path):
    run_git(tmp_path, "init", "-q", "empty")
    with pytest.raises(NoCommitError):
        await open_repository(tmp_path / "empty")


async def test_without_git_the_remedy_says_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissingError) as told:
        await open_repository(tmp_path)
    assert "Install git" in told.value.remedy


async def test_names_of_commits_are_resolved(repo: Repository):
    head = run_git(repo.root, "rev-parse", "HEAD")
    run_git(repo.root, "tag", "-a", "v1", "-m", "v1")
    for name in ("HEAD", "main", "v1", head, head[:10]):
        assert await resolve_commit(repo, name) == head
    for name in ("nowhere", "--all", "main:a.txt", ""):
        with pytest.raises(UnknownCommitError):
            await resolve_commit(repo, name)


async def test_a_new_repository_has_one_commit_and_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = await create_repository(tmp_path / "new")
    assert await create_repository(tmp_path / "new") == made
    assert await open_repository(tmp_path / "new") == made
    assert run_git(made.root, "log", "--format=%an %s") == "kimi-swarm Start"
    assert run_git(made.root, "branch", "--show-current") == "main"
    write_files(tmp_path / "filled", {"x": "y"})
    with pytest.raises(FolderTakenError):
        await create_repository(tmp_path / "filled")


async def test_a_survey_tells_what_a_worktree_lacks(repo: Repository):
    assert (await survey(repo, "main")).is_complete
    modules = '[submodule "lib"]\n\tpath = vendor/my lib\n\turl = ../lib\n'
    commit_files(
        repo.root,
        {
            ".gitmodules": modules,
            "assets/.gitattributes": "*.png filter=lfs diff=lfs\n",
            ".gitignore": "node_modules\n.env\n*.tmp\n",
        },
    )
    write_files(repo.root, {".env": "K=1\n", "a.txt": "dirty\n", "new/n.txt": "n\n"})
    write_files(repo.root, {f"node_modules/{n}/i.js": "x" for n in range(30)})
    write_files(repo.root, {f"src/{n}.tmp": "x" for n in range(30)})
    before = portrait(repo.root)
    found = await survey(repo, "main")
    assert portrait(repo.root) == before
    assert (found.uncommitted, found.submodules) == (2, ("vendor/my lib",))
    assert found.uses_lfs
    assert found.ignored[:2] == (".env", "node_modules/")
    assert (len(found.ignored), found.ignored_total) == (20, 32)


async def test_files_of_lfs_need_no_lfs_program(repo: Repository, tmp_path: Path):
    commit_files(repo.root, {".gitattributes": "*.bin filter=lfs diff=lfs -text\n"})
    commit_files(repo.root, {"x.bin": "content\n"})
    tree = await add_worktree(repo, tmp_path / "w", branch="swarm/r/t", base="main")
    assert (tree.path / "x.bin").read_text() == "content\n"


async def test_containment_is_by_history(repo: Repository):
    first = run_git(repo.root, "rev-parse", "main")
    run_git(repo.root, "branch", "swarm/r/old", "main")
    run_git(repo.root, "checkout", "-q", "-b", "swarm/r/new")
    head = commit_files(repo.root, {"n.txt": "n\n"})
    run_git(repo.root, "checkout", "-q", "main")
    assert await is_contained(repo, "swarm/r/old", ["main"])
    assert not await is_contained(repo, "swarm/r/new", ["main", "HEAD", "nowhere"])
    assert await is_contained(repo, "swarm/r/new", ["main", head])
    assert await is_contained(repo, "swarm/r/gone", ["main"])
    names = ["swarm/r/new", "swarm/r/gone", "swarm/r/old"]
    assert await unmerged(repo, names, "main") == ("swarm/r/new",)
    assert await unmerged(repo, names, "nowhere") == ("swarm/r/new", "swarm/r/old")
    assert await unmerged(repo, [], "main") == ()
    assert first != head


async def test_a_branch_is_deleted_only_as_it_was_seen(
    repo: Repository, tmp_path: Path
):
    head = run_git(repo.root, "rev-parse", "main")
    tree = await add_worktree(repo, tmp_path / "w", branch="swarm/r/t", base=head)
    with pytest.raises(BranchTakenError, match="checked out at"):
        await delete_branch(repo, tree.branch, expect_head=head)
    run_git(repo.root, "worktree", "remove", str(tree.path))
    with pytest.raises(BranchTakenError, match="moved"):
        await delete_branch(repo, tree.branch, expect_head="0" * 40)
    assert await delete_branch(repo, tree.branch, expect_head=head)
    assert not await delete_branch(repo, tree.branch, expect_head=head)


async def test_a_branch_is_renamed_with_its_worktree(repo: Repository, tmp_path: Path):
    tree = await add_worktree(repo, tmp_path / "w", branch="swarm/r/t", base="main")
    before = portrait(repo.root)
    await rename_branch(repo, "swarm/r/t", "swarm/r/t.1")
    await rename_branch(repo, "swarm/r/t", "swarm/r/t.1")
    assert run_git(tree.path, "branch", "--show-current") == "swarm/r/t.1"
    assert await find_branch(repo, "swarm/r/t") is None
    assert portrait(repo.root) == before
    run_git(repo.root, "branch", "swarm/r/t")
    with pytest.raises(BranchTakenError, match="exists already"):
        await rename_branch(repo, "swarm/r/t", "swarm/r/t.1")


async def test_gits_complaint_is_one_bounded_printable_line(repo: Repository):
    with pytest.raises(GitError) as told:
        await git(repo.root, "show", "no\x1bwhere" + "x" * 500)
    assert len(str(told.value)) < 400
    assert str(told.value).isprintable()
    assert str(told.value).startswith("git show failed: ")


async def run(tmp_path: Path, *argv: str, **options: Any):
    return await run_command(argv, cwd=tmp_path, env=dict(os.environ), **options)


async def test_a_command_reads_its_input_and_is_kept_bounded(tmp_path: Path):
    done = await run(tmp_path, "cat", stdin=b"x" * 300_000, keep_bytes=10)
    assert (done.exit_code, done.stdout, done.cut_bytes) == (0, b"x" * 10, 299_990)


async def test_a_command_that_reads_nothing_ends_all_the_same(tmp_path: Path):
    done = await run(tmp_path, "true", stdin=b"x" * 3_000_000)
    assert done.exit_code == 0


async def test_a_command_is_not_held_by_what_it_leaves_behind(tmp_path: Path):
    done = await run(tmp_path, "sh", "-c", "sleep 30 & echo $!; exit 3")
    assert done.exit_code == 3


async def test_a_command_that_takes_too_long_is_killed(tmp_path: Path):
    with pytest.raises(CommandTimeoutError, match=r"sleep 30 did not end within 0\.05"):
        await run(tmp_path, "sleep", "30", limit_s=0.05)


async def test_what_cannot_be_started_is_told_apart(tmp_path: Path):
    (tmp_path / "plain").write_text("no program\n")
    with pytest.raises(CommandStartError, match="Permission denied"):
        await run(tmp_path, str(tmp_path / "plain"))
    with pytest.raises(ProgramMissingError, match="no-such-program"):
        await run(tmp_path, "no-such-program")
    with pytest.raises(FolderMissingError):
        await run(tmp_path / "gone", "true")
    with pytest.raises(CommandStartError, match="null byte"):
        await run(tmp_path, "true", "a\0b")
