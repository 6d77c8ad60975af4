"""Leftovers of runs and workspaces: folders and git's records of them."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

from kimi_swarm.actions.scene import (
    InUseError,
    Leftover,
    Scene,
    entries,
    in_thread,
    session_of,
    take,
)
from kimi_swarm.core.names import (
    MERGED,
    BadIdError,
    merged_branch,
    salvage_branch,
    task_branch,
)
from kimi_swarm.location import new_repository_folder, run_folder, salvage_folder
from kimi_swarm.process.locks import try_lock_folder
from kimi_swarm.workspace.folders import delete_folder, is_filled
from kimi_swarm.workspace.orphans import end_dead_merge, registered_below, tree_at
from kimi_swarm.workspace.repository import is_blank
from kimi_swarm.workspace.salvage import Salvaged, remove_worktree
from kimi_swarm.workspace.tree import Repository, Worktree

"""The folder in which a run's branches are merged; no task has that name."""
REMOVED = ".removed"
"""How a workspace is called once its work is safe and it is being deleted."""


def left_merges(scene: Scene) -> list[Leftover]:
    """Find worktrees of merges whose process died."""
    found = []
    for run in _run_names(scene):
        parent = Path(scene.home, "workspaces", run)
        path = parent / MERGED
        for repo in scene.repos:
            tree = Worktree(repo, path, merged_branch(run), "HEAD")
            if path in registered_below(repo, _resolved(scene)) and _is_free(parent):
                why = "the merge was cut short"
                mend = partial(_end_merge, tree, run)
                found.append(Leftover("merge", str(path), why, mend))
    return found


def _run_names(scene: Scene) -> list[str]:
    registered = {
        path.parent.name
        for repo in scene.repos
        for path in registered_below(repo, _resolved(scene))
    }
    folders = {each.name for each in entries(scene.home, "workspaces")}
    return sorted(registered | folders)


def _resolved(scene: Scene) -> Path:
    return Path(scene.home, "workspaces").resolve()


def _is_free(folder: Path) -> bool:
    """Whether nobody merges in a run's folder just now."""
    try:
        held = try_lock_folder(str(folder))
    except FileNotFoundError:
        return True
    if held is not None:
        os.close(held)
    return held is not None


async def _end_merge(tree: Worktree, run: str) -> str:
    tree.path.parent.mkdir(parents=True, exist_ok=True)
    saved = await end_dead_merge(tree, salvage=f"swarm-salvage/{run}/{MERGED}")
    return _told(saved)


def _told(saved: Salvaged | None) -> str:
    if saved is None:
        return "removed; nothing in it was unsaved"
    places = [*filter(None, (saved.branch, saved.bundle)), *saved.inner]
    return f"removed; saved on {', '.join(map(str, places))}"


async def left_workspaces(scene: Scene) -> list[Leftover]:
    """Find folders of workspaces that no session has, and half-deleted ones."""
    found = []
    for parent in entries(scene.home, "workspaces"):
        state = scene.census.runs.get(parent.name)
        if state == "running":
            continue
        for path in entries(scene.home, "workspaces", parent.name):
            if path.suffix == REMOVED:
                why = "its work was saved, and deleting it was cut short"
                gone = Leftover("workspace", str(path), why, partial(_delete, path))
                found.append(gone)
            elif state is None and path.name != MERGED:
                found.append(await _orphan(scene, parent.name, path))
        if state is None and not any(parent.iterdir()):
            why = "the database knows no such run"
            empty = in_thread(_remove_empty, parent)
            found.append(Leftover("folder", str(parent), why, empty))
    return found


async def _orphan(scene: Scene, run: str, path: Path) -> Leftover:
    why = "the database knows no such run"
    try:
        branch = task_branch(session_of(run, path.name))
    except BadIdError:
        return Leftover("workspace", str(path), f"{why}, and its name is no task's")
    tree = await tree_at(path, branch=branch, repos=scene.repos)
    if tree is not None:
        mend = partial(_remove_orphan, scene, tree, run)
        return Leftover("workspace", str(path), why, mend)
    if not is_filled(path):
        return Leftover("workspace", str(path), why, in_thread(_remove_empty, path))
    return Leftover("workspace", str(path), f"{why}, and no repository holds its files")


async def _remove_orphan(scene: Scene, tree: Worktree, run: str) -> str:
    if not scene.is_free_now(run, tree.path.name):
        raise InUseError(tree.path)
    salvage = salvage_branch(session_of(run, tree.path.name))
    bundle = Path(salvage_folder(scene.home, run), f"{tree.path.name}.bundle")
    saved = await remove_worktree(tree, salvage=salvage, bundle=bundle)
    _remove_empty(tree.path.parent)
    return _told(saved)


async def _delete(path: Path) -> str:
    await delete_folder(path)
    return "removed"


def _remove_empty(path: Path) -> str:
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()
    return "removed"


def left_registrations(scene: Scene) -> list[Leftover]:
    """Find worktrees that git has on record, whose folder or run is gone."""
    found = []
    for repo in scene.repos:
        for path in registered_below(repo, _resolved(scene)):
            run = path.parent.name
            is_busy = scene.census.runs.get(run) == "running"
            if _is_there(path) or path.name == MERGED or is_busy:
                continue
            mend = partial(_forget, scene, repo, path)
            why = f"{repo.root} has it on record, and it is gone"
            found.append(Leftover("worktree", str(path), why, mend))
    return found


async def _forget(scene: Scene, repo: Repository, path: Path) -> str:
    run = path.parent.name
    if _is_there(path) or not scene.is_free_now(run, path.name):
        raise InUseError(path)
    ident = session_of(run, path.name)
    tree = Worktree(repo, path, task_branch(ident), "HEAD")
    return _told(await remove_worktree(tree, salvage=salvage_branch(ident)))


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def left_runs(scene: Scene) -> list[Leftover]:
    """Find folders and empty repositories of runs that were never written down."""
    names = {each.name for each in entries(scene.home, "runs")}
    repos = {each.name for each in entries(scene.home, "repos")}
    found = []
    for run in sorted(names | repos):
        if run in scene.census.runs or _is_in_the_making(scene, run):
            continue
        why = "the database knows no such run"
        folder = Path(run_folder(scene.home, run))
        if is_filled(folder):
            why = f"{why}; it holds what its workers said, look before you delete it"
            found.append(Leftover("run_folder", str(folder), why))
        elif run in names or is_blank(_new_repository(scene, run)):
            mend = in_thread(_remove_run, scene, run)
            place = folder if run in names else _new_repository(scene, run)
            found.append(Leftover("run_folder", str(place), why, mend))
    return found


def _is_in_the_making(scene: Scene, run: str) -> bool:
    folder = Path(run_folder(scene.home, run))
    return folder.is_dir() and not _is_free(folder)


def _new_repository(scene: Scene, run: str) -> Path:
    return Path(new_repository_folder(scene.home, run))


def _remove_run(scene: Scene, run: str) -> str:
    folder = Path(run_folder(scene.home, run))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = try_lock_folder(str(folder))
    if held is None:
        raise InUseError(folder)
    try:
        if run in take(scene.home).runs:
            raise InUseError(folder)
        repo = _new_repository(scene, run)
        if is_blank(repo):
            shutil.rmtree(repo)
        folder.rmdir()
    finally:
        os.close(held)
    return "removed"
