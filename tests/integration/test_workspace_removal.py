from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fakes.repos import commit_files, make_repository, portrait, run_git, write_files
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.copying import copy_into
from kimi_swarm.workspace.errors import RepositoryGoneError, SalvageFailedError
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.salvage import Salvaged, remove_worktree
from kimi_swarm.workspace.tree import Worktree
from kimi_swarm.workspace.worktree import add_worktree, create_fresh

pytestmark = pytest.mark.anyio

SALVAGE = "swarm-salvage/r/t"


@pytest.fixture
async def tree(tmp_path: Path) -> Worktree:
    files = {"a.txt": "one\n", ".gitignore": "*.log\nnode_modules\n"}
    repo = await open_repository(make_repository(tmp_path / "repo", files))
    return await add_worktree(repo, tmp_path / "work", branch="swarm/r/t", base="main")


def salvaged(tree: Worktree, name: str, branch: str = SALVAGE) -> str:
    return run_git(tree.repo.root, "show", f"{branch}:{name}")


async def saved_from(tree: Worktree, bundle: Path | None = None) -> Salvaged:
    saved = await remove_worktree(tree, salvage=SALVAGE, bundle=bundle)
    assert saved is not None
    return saved


def is_gone(tree: Worktree) -> bool:
    listed = run_git(tree.repo.root, "worktree", "list", "--porcelain")
    beside = list(tree.path.parent.glob("work*"))
    return not beside and str(tree.path) not in listed


async def test_a_clean_worktree_goes_without_a_trace(tree: Worktree):
    head = commit_files(tree.path, {"a.txt": "x\n"})
    write_files(tree.path, {"big.log": "log\n"})
    before = portrait(tree.repo.root)
    assert await remove_worktree(tree, salvage=SALVAGE) is None
    assert is_gone(tree)
    assert run_git(tree.repo.root, "rev-parse", tree.branch) == head
    assert run_git(tree.repo.root, "branch", "--list", "swarm-salvage/*") == ""
    assert portrait(tree.repo.root) == before


async def test_dirty_and_untracked_files_are_saved_first(tree: Worktree):
    commit_files(tree.path, {"b.txt": "committed\n"})
    write_files(tree.path, {"a.txt": "dirty\n", "new/n.txt": "new\n", "x.log": "l\n"})
    write_files(tree.path, {"node_modules/m/i.js": "m\n", "node_modules/k.js": "k\n"})
    saved = await saved_from(tree)
    assert (saved.branch, saved.files, saved.ignored) == (SALVAGE, 2, 2)
    assert salvaged(tree, "a.txt") == "dirty"
    assert salvaged(tree, "new/n.txt") == "new"
    assert salvaged(tree, "b.txt") == "committed"
    assert run_git(tree.repo.root, "show", f"{tree.branch}:a.txt") == "one"
    assert is_gone(tree)


async def test_an_older_salvage_is_never_overwritten(tree: Worktree):
    run_git(tree.repo.root, "branch", SALVAGE, "main")
    write_files(tree.path, {"a.txt": "dirty\n"})
    saved = await saved_from(tree)
    assert saved.branch == f"{SALVAGE}.2"
    assert salvaged(tree, "a.txt", saved.branch) == "dirty"
    assert salvaged(tree, "a.txt") == "one"


async def test_a_removal_cut_short_after_saving_saves_once(tree: Worktree):
    write_files(tree.path, {"a.txt": "dirty\n"})
    copy = tree.path.with_name("copy")
    shutil.copytree(tree.path, copy, symlinks=True)
    admin = tree.repo.common_dir / "worktrees" / "work"
    shutil.copytree(admin, copy.with_name("admin"))
    await remove_worktree(tree, salvage=SALVAGE)
    copy.rename(tree.path)  # as if the machine had stopped before the folder went
    admin.parent.mkdir(exist_ok=True)
    copy.with_name("admin").rename(admin)
    saved = await saved_from(tree)
    assert saved.branch == SALVAGE
    branches = run_git(tree.repo.root, "branch", "--list", "swarm-salvage/*")
    assert branches.split() == [SALVAGE]


async def test_a_removal_cut_short_while_deleting_is_finished(tree: Worktree):
    tree.path.rename(tree.path.with_name("work.removed"))
    assert await remove_worktree(tree, salvage=SALVAGE) is None
    assert is_gone(tree)
    assert await remove_worktree(tree, salvage=SALVAGE) is None


async def test_commits_on_a_detached_head_are_saved(tree: Worktree):
    run_git(tree.path, "checkout", "-q", "--detach")
    commit = commit_files(tree.path, {"a.txt": "detached\n"})
    saved = await saved_from(tree)
    assert (saved.branch, saved.files) == (SALVAGE, 0)
    assert run_git(tree.repo.root, "rev-parse", SALVAGE) == commit


async def test_commits_on_a_detached_head_are_saved_without_the_folder(tree: Worktree):
    run_git(tree.path, "checkout", "-q", "--detach")
    commit = commit_files(tree.path, {"a.txt": "detached\n"})
    shutil.rmtree(tree.path)
    await remove_worktree(tree, salvage=SALVAGE)
    assert run_git(tree.repo.root, "rev-parse", SALVAGE) == commit
    assert is_gone(tree)


async def test_conflicts_left_unresolved_are_saved_with_both_sides(tree: Worktree):
    commit_files(tree.path, {"a.txt": "mine\n"})
    run_git(tree.repo.root, "checkout", "-q", "-b", "other")
    commit_files(tree.repo.root, {"a.txt": "theirs\n"})
    run_git(tree.path, "merge", "-q", "other", ok=False)
    await remove_worktree(tree, salvage=SALVAGE)
    text = salvaged(tree, "a.txt")
    assert "mine" in text
    assert "theirs" in text
    parents = run_git(tree.repo.root, "rev-list", "--parents", "-1", SALVAGE)
    assert len(parents.split()) == 3


@pytest.mark.parametrize("damage", ["git file", "pruned", "own repository", "lock"])
async def test_a_damaged_workspace_is_saved_all_the_same(tree: Worktree, damage: str):
    write_files(tree.path, {"n.txt": "precious\n"})
    match damage:
        case "lock":
            admin = tree.repo.common_dir / "worktrees" / "work"
            (admin / "index.lock").write_bytes(b"")
        case "git file":
            (tree.path / ".git").unlink()
        case "pruned":
            (tree.path / ".git").unlink()
            run_git(tree.repo.root, "worktree", "prune")
        case _:
            (tree.path / ".git").unlink()
            run_git(tree.path, "init", "-q")
    await remove_worktree(tree, salvage=SALVAGE)
    assert salvaged(tree, "n.txt") == "precious"
    assert is_gone(tree)


async def test_the_history_of_a_workers_own_repository_is_saved(tree: Worktree):
    (tree.path / ".git").unlink()
    run_git(tree.path, "init", "-q")
    commit_files(tree.path, {"n.txt": "first\n"})
    commit_files(tree.path, {"n.txt": "second\n"})
    saved = await saved_from(tree)
    assert salvaged(tree, "n.txt", f"{saved.inner[0]}/head~1") == "first"


async def test_the_history_of_repositories_inside_is_saved(tree: Worktree):
    inner = make_repository(tree.path / "app", {"f.txt": "first\n"})
    commit_files(inner, {"f.txt": "second\n"})
    run_git(inner, "branch", "idea", "HEAD~1")
    run_git(inner, "checkout", "-q", "--detach")
    commit_files(inner, {"f.txt": "third\n"})
    make_repository(tree.path / "node_modules/dep", {"d.txt": "not ours\n"})
    await commit_all(tree, "Work")
    saved = await saved_from(tree)
    assert saved.inner == (f"{SALVAGE}.inner-1",)
    branches = run_git(tree.repo.root, "branch", "--list", f"{SALVAGE}*")
    assert len(branches.splitlines()) == 3
    assert salvaged(tree, "f.txt", f"{saved.inner[0]}/head") == "third"
    assert salvaged(tree, "f.txt", f"{saved.inner[0]}/branches/idea") == "first"


async def test_a_broken_repository_inside_is_not_taken_for_ours(tree: Worktree):
    write_files(tree.path, {"app/f.txt": "f\n"})
    (tree.path / "app/.git").mkdir()
    saved = await saved_from(tree)
    assert saved.inner == ()
    assert salvaged(tree, "app/f.txt") == "f"


async def test_a_clone_that_holds_nothing_new_is_not_saved(
    tree: Worktree, tmp_path: Path
):
    source = make_repository(tmp_path / "source", {"s.txt": "s\n"})
    run_git(tree.path, "clone", "-q", str(source), "vendor")
    await commit_all(tree, "Work")
    assert await remove_worktree(tree, salvage=SALVAGE) is None


async def test_changes_inside_a_submodule_keep_the_folder(tmp_path: Path):
    lib = make_repository(tmp_path / "lib", {"l.txt": "l\n"})
    root = make_repository(tmp_path / "repo", {"a.txt": "one\n"})
    allow = ("-c", "protocol.file.allow=always")
    run_git(root, *allow, "submodule", "add", "-q", str(lib), "lib")
    run_git(root, "commit", "-q", "-m", "Add lib")
    repo = await open_repository(root)
    tree = await add_worktree(repo, tmp_path / "work", branch="swarm/r/t", base="main")
    run_git(tree.path, *allow, "submodule", "update", "-q", "--init")
    write_files(tree.path, {"lib/l.txt": "dirty\n"})
    assert await commit_all(tree, "Work") is None
    with pytest.raises(SalvageFailedError, match="submodule has changes: lib"):
        await remove_worktree(tree, salvage=SALVAGE)
    assert (tree.path / "lib/l.txt").read_text() == "dirty\n"
    commit = commit_files(tree.path / "lib", {"l.txt": "dirty\n"})
    await commit_all(tree, "Work")
    saved = await saved_from(tree)
    assert run_git(root, "rev-parse", f"{saved.inner[0]}/head") == commit
    assert not tree.path.exists()


async def test_a_branch_checked_out_elsewhere_does_not_matter(
    tree: Worktree, tmp_path: Path
):
    run_git(tree.path, "checkout", "-q", "--detach")
    run_git(tree.repo.root, "checkout", "-q", tree.branch)
    write_files(tree.path, {"n.txt": "n\n"})
    await remove_worktree(tree, salvage=SALVAGE)
    assert salvaged(tree, "n.txt") == "n"
    assert run_git(tree.repo.root, "branch", "--show-current") == tree.branch


async def test_a_folder_whose_repository_is_gone_is_kept_with_its_files(tree: Worktree):
    shutil.rmtree(tree.repo.root)
    with pytest.raises(RepositoryGoneError, match="was kept"):
        await remove_worktree(tree, salvage=SALVAGE)
    assert (tree.path / "a.txt").exists()
    for name in ("a.txt", ".gitignore"):
        (tree.path / name).unlink()
    assert await remove_worktree(tree, salvage=SALVAGE) is None
    assert not tree.path.exists()


async def test_copied_files_do_not_reach_a_branch(tree: Worktree):
    write_files(tree.repo.root, {"secret.env": "KEY=1\n"})
    copied = await copy_into(tree, ["secret.env"])
    assert await remove_worktree(copied, salvage=SALVAGE) is None
    assert is_gone(tree)


async def test_read_only_folders_go_too(tree: Worktree):
    write_files(tree.path, {"node_modules/cache/f": "f"})
    (tree.path / "node_modules/cache").chmod(0o555)
    await remove_worktree(tree, salvage=SALVAGE)
    assert is_gone(tree)


async def test_a_fresh_workspace_with_work_leaves_a_bundle(tmp_path: Path):
    tree = await create_fresh(tmp_path / "fresh", branch="swarm/r/probe")
    write_files(tree.path, {"x.txt": "one\n"})
    await commit_all(tree, "Work")
    write_files(tree.path, {"x.txt": "two\n"})
    bundle = tmp_path / "kept" / "probe.bundle"
    write_files(tmp_path, {"kept/probe.bundle": "older"})
    saved = await saved_from(tree, bundle)
    assert saved.bundle == bundle.with_name("probe.2.bundle")
    assert bundle.read_text() == "older"
    assert not tree.path.exists()
    run_git(tmp_path, "clone", "-q", str(saved.bundle), "again")
    shown = run_git(tmp_path / "again", "show", f"origin/{SALVAGE}:x.txt")
    assert shown == "two"
    assert run_git(tmp_path / "again", "show", "origin/swarm/r/probe:x.txt") == "one"


async def test_a_fresh_workspace_without_work_just_goes(tmp_path: Path):
    tree = await create_fresh(tmp_path / "fresh", branch="swarm/r/probe")
    assert await remove_worktree(tree, salvage=SALVAGE) is None
    assert list(tmp_path.iterdir()) == []
