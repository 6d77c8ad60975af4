"""Bringing chosen files of the user's checkout into a workspace."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from anyio import to_thread

from kimi_swarm.workspace.errors import (
    CopyFailedError,
    MissingPathError,
    PathOutsideError,
)
from kimi_swarm.workspace.tree import Worktree


async def copy_into(
    tree: Worktree, items: Sequence[str], *, source: Path | None = None
) -> Worktree:
    """Copy files and folders, with their modes, and return the tree that knows it.

    `items` are relative to `source` (the user's checkout if not given). All are judged
    before the first is copied. Raises PathOutsideError, MissingPathError,
    CopyFailedError.
    """
    root = source or tree.repo.root
    await to_thread.run_sync(_copy_all, root, tree.path, tuple(items))
    return replace(tree, copied=tuple(dict.fromkeys((*tree.copied, *items))))


def check_copies(root: Path, items: Sequence[str]) -> None:
    """Refuse what `copy_into` would refuse. Raises PathOutsideError, MissingPathError.

    Useful before anything starts.
    """
    for item in items:
        _judge(root, item)


def _judge(root: Path, item: str) -> None:
    path = PurePosixPath(item)
    if "\0" in item:
        raise PathOutsideError(item, "it holds a NUL character")
    if path.is_absolute():
        raise PathOutsideError(item, "it is absolute")
    if ".." in path.parts:
        raise PathOutsideError(item, "it climbs with `..`")
    if not path.parts:
        raise PathOutsideError(item, "it is the repository itself")
    if path.parts[0].lower() == ".git":
        raise PathOutsideError(item, "it belongs to git")
    if not (root / path).exists() and not (root / path).is_symlink():
        raise MissingPathError(item, root)
    if not (root / path).resolve().is_relative_to(root.resolve()):
        raise PathOutsideError(item, "a symbolic link leads out of the repository")
    if not (root / path).exists():
        raise MissingPathError(item, root)  # a link to nothing


def _copy_all(root: Path, target: Path, items: Sequence[str]) -> None:
    check_copies(root, items)
    for item in items:
        goal = target / item
        if not goal.resolve().is_relative_to(target.resolve()):
            raise PathOutsideError(item, "a symbolic link leads out of the workspace")
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            _copy(root / item, goal)
        except (OSError, shutil.Error) as error:
            why = getattr(error, "strerror", None) or "some files could not be read"
            raise CopyFailedError(item, why) from error


def _copy(source: Path, goal: Path) -> None:
    if source.is_dir():
        # Links inside are kept as links: what they lead to is not copied.
        shutil.copytree(
            source,
            goal,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(".git"),
        )
    else:
        shutil.copy2(source, goal)
