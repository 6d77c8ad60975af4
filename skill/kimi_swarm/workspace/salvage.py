"""Removing workspaces without losing work."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from kimi_swarm.workspace.errors import RepositoryGoneError, SalvageFailedError
from kimi_swarm.workspace.folders import delete_folder, free_file, inner_repositories
from kimi_swarm.workspace.git import attempt, git, one_line, readable
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.lock import folder_lock
from kimi_swarm.workspace.staging import stage
from kimi_swarm.workspace.status import Status, look
from kimi_swarm.workspace.tree import (
    Worktree,
    git_dir_of,
    in_repository,
    in_tree,
    reattach,
    tree_env,
)
from kimi_swarm.workspace.worktree import forget

MESSAGE = "Salvage what was not committed"
MOST_SALVAGES = 100


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was saved from a workspace before it went.

    `branch` holds `files` uncommitted files, or commits that no branch held; `inner`
    are branches with the history of repositories inside; `ignored` counts ignored files
    and folders that went with the folder. A fresh workspace's whole history is in
    `bundle`.
    """

    branch: str | None
    files: int
    ignored: int
    inner: tuple[str, ...] = ()
    bundle: Path | None = None


async def remove_worktree(
    tree: Worktree, *, salvage: str, bundle: Path | None = None
) -> Salvaged | None:
    """Remove a workspace; what no branch holds goes to the branch `salvage` first.

    A fresh workspace takes its repository with it: its history is written to the file
    `bundle`, by default beside the folder, so name a place that stays.
    Returns what was saved, None if there was nothing. The task's branch stays. Can be
    done again after a crash. Raises SalvageFailedError or RepositoryGoneError, and
    keeps the folder, when work would be lost; GitError.
    """
    doomed = tree.path.with_name(f"{tree.path.name}.removed")
    if not tree.repo.common_dir.is_dir():
        await _remove_orphan(tree)
        await delete_folder(doomed)
        return None
    await delete_folder(doomed)
    saved = None
    if tree.path.is_dir():
        beside = tree.path.with_name(f"{tree.path.name}.bundle")
        saved = await _save(tree, salvage, bundle or beside)
        # From here on the folder is not a workspace, however little of it is deleted.
        tree.path.rename(doomed)
    elif git_dir_of(tree) is not None:
        saved = await _save_head(tree, salvage)
    if not tree.is_fresh and git_dir_of(tree) is not None:
        async with folder_lock(tree.repo.common_dir):
            if git_dir_of(tree) is not None:
                await forget(tree)
    await delete_folder(doomed)
    return saved


async def _remove_orphan(tree: Worktree) -> None:
    try:
        names = {entry.name for entry in tree.path.iterdir()}
    except FileNotFoundError:
        return
    if names - {".git"} or (tree.path / ".git").is_dir():
        raise RepositoryGoneError(tree.repo.common_dir, tree.path)
    await delete_folder(tree.path)


async def _save(tree: Worktree, salvage: str, goal: Path) -> Salvaged | None:
    git_dir = await reattach(tree)
    seen = await look(tree, ignored=True)
    if seen.dirty_submodules:
        names = ", ".join(map(readable, seen.dirty_submodules))
        raise SalvageFailedError(tree.path, f"a submodule has changes: {names}")
    inner = await _save_inner(tree, seen, salvage)
    merging = (git_dir / "MERGE_HEAD").exists()
    if seen.is_clean and not merging:
        saved = await _save_head(tree, salvage)
        branch, files = (saved.branch, 0) if saved else (None, 0)
    else:
        branch = await _save_files(tree, seen, git_dir, salvage)
        files = len(seen.changed) + len(seen.unmerged) + len(seen.untracked)
        files += len(seen.nested)
    ignored = len(seen.ignored) + len(seen.copies)
    bundle = await _bundle(tree, branch, goal) if tree.is_fresh else None
    if branch is None and not inner and bundle is None:
        return None
    return Salvaged(branch, files, ignored, inner, bundle)


async def _save_files(
    tree: Worktree, seen: Status, git_dir: Path, salvage: str
) -> str | None:
    """Commit everything on a branch apart; the workspace's own index stays as it is."""
    index = git_dir / "salvage-index"
    try:
        if (git_dir / "index").exists():
            shutil.copyfile(git_dir / "index", index)
        await stage(tree, seen, index=index)
        written = one_line(await in_tree(tree, "write-tree", index=index))
        left = await look(tree, index=index)
        if left.unstaged or left.untracked or left.unmerged or left.nested:
            names = (*left.unstaged, *left.untracked, *left.unmerged, *left.nested)
            told = ", ".join(map(readable, names[:5]))
            raise SalvageFailedError(tree.path, f"these files are not saved: {told}")
    finally:
        index.unlink(missing_ok=True)
        index.with_name("salvage-index.lock").unlink(missing_ok=True)
    parents = [seen.head or tree.base]
    if (git_dir / "MERGE_HEAD").exists():
        parents += (git_dir / "MERGE_HEAD").read_text("ascii").split()
    kept = await _existing_salvage(tree, salvage, written, parents)
    if kept is not None:
        return kept
    env = tree_env(tree)
    env |= await identity_env(tree.path, env=env)
    words = [word for parent in parents for word in ("-p", parent)]
    args = ("commit-tree", written, *words, "-m", MESSAGE)
    return await keep_commit(
        tree, salvage, one_line(await git(tree.path, *args, env=env))
    )


async def _existing_salvage(
    tree: Worktree, salvage: str, written: str, parents: list[str]
) -> str | None:
    """Return the salvage branch that a removal cut short has made already."""
    done = await attempt(
        tree.path,
        *("log", "-1", "--format=%T %P", f"refs/heads/{salvage}", "--"),
        env=tree_env(tree),
    )
    same = done.stdout.decode("ascii", "replace").split() == [written, *parents]
    return salvage if done.exit_code == 0 and same else None


async def _save_head(tree: Worktree, salvage: str) -> Salvaged | None:
    """Keep commits that only this workspace's HEAD leads to."""
    git_dir = git_dir_of(tree)
    if git_dir is None:
        return None
    cwd, env = tree.repo.common_dir, {"GIT_DIR": str(git_dir)}
    head = await attempt(cwd, "rev-parse", "--verify", "-q", "HEAD", env=env)
    if head.exit_code != 0:
        return None
    commit = one_line(head.stdout)
    held = await in_repository(
        tree.repo,
        *("for-each-ref", "--count=1", f"--contains={commit}"),
        *("refs/heads", "refs/remotes", "refs/tags"),
    )
    if held.strip():
        return None
    return Salvaged(await keep_commit(tree, salvage, commit), files=0, ignored=0)


async def keep_commit(tree: Worktree, salvage: str, commit: str) -> str:
    """Make a new branch for a commit, numbered if the name is taken, and verify it."""
    for number in range(1, MOST_SALVAGES):
        name = salvage if number == 1 else f"{salvage}.{number}"
        ref = f"refs/heads/{name}"
        known = await attempt(
            tree.repo.common_dir,
            *("rev-parse", "--verify", "--quiet", ref),
            env={"GIT_DIR": str(tree.repo.common_dir)},
        )
        if known.exit_code != 0:
            # An empty old value means that the branch must not exist.
            await in_repository(tree.repo, "update-ref", ref, commit, "")
            there = await in_repository(tree.repo, "rev-parse", "--verify", ref)
            if one_line(there) == commit:
                return name
        elif one_line(known.stdout) == commit:
            return name
    raise SalvageFailedError(tree.path, f"no free branch was found beside {salvage}")


async def _save_inner(tree: Worktree, seen: Status, salvage: str) -> tuple[str, ...]:
    """Fetch the branches of repositories inside that no remote of theirs holds."""
    kept: list[str] = []
    found = await to_thread.run_sync(inner_repositories, tree.path, seen.ignored)
    for inner in found:
        if inner == tree.path and tree.is_fresh:
            continue  # its history is bundled
        own = ("rev-list", "--max-count=1", "--branches")
        head = await attempt(inner, "rev-parse", "--verify", "-q", "HEAD")
        names = (*own, "HEAD") if head.exit_code == 0 else own
        told = await attempt(inner, *names, "--not", "--remotes", "--")
        if told.exit_code != 0 or not told.stdout.strip():
            continue
        name = f"{salvage}.inner-{len(kept) + 1}"
        specs = [f"+refs/heads/*:refs/heads/{name}/branches/*"]
        if head.exit_code == 0:
            specs.append(f"+HEAD:refs/heads/{name}/head")
        args = ("fetch", "-q", "--no-tags", "--no-write-fetch-head")
        await in_repository(tree.repo, *args, str(inner), *specs)
        kept.append(name)
    return tuple(kept)


async def _bundle(tree: Worktree, salvaged: str | None, goal: Path) -> Path | None:
    """Write the whole history of a fresh workspace to a file, if it has any."""
    others = ("--branches", "HEAD", "--not", tree.base)
    work = await in_tree(tree, "rev-list", "--max-count=1", *others, "--")
    if not work.strip() and salvaged is None:
        return None
    goal = await to_thread.run_sync(free_file, goal)
    await in_tree(tree, "bundle", "create", "-q", str(goal), "--branches", "HEAD")
    await in_tree(tree, "bundle", "verify", "-q", str(goal))
    return goal
