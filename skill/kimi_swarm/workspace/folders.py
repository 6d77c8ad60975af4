"""Folders of workspaces: what lies in them, and their end."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from anyio import to_thread


async def delete_folder(path: Path) -> None:
    """Delete a folder and all in it, read-only parts too; nothing if it is not there.

    Raises OSError when something resists.
    """
    await to_thread.run_sync(_delete, path)


def is_filled(path: Path) -> bool:
    """Tell whether anything is at a path that is more than an empty folder."""
    return path.exists() and (not path.is_dir() or any(path.iterdir()))


def free_file(wish: Path) -> Path:
    """Return `wish`, numbered if there is such a file, in a folder that exists."""
    wish.parent.mkdir(parents=True, exist_ok=True)
    goal, number = wish, 1
    while goal.exists():
        number += 1
        goal = wish.with_name(f"{wish.stem}.{number}{wish.suffix}")
    return goal


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_open_up)


def _open_up(_act: Callable[[str], object], name: str, _error: object) -> None:
    """Make a folder writable, as module caches are not, and try once more."""
    if not os.path.lexists(name):
        return
    for folder in (Path(name).parent, Path(name)):
        if folder.is_dir() and not folder.is_symlink():
            with suppress(OSError):
                folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    if Path(name).is_dir() and not Path(name).is_symlink():
        shutil.rmtree(name)
    else:
        Path(name).unlink()


def inner_repositories(root: Path, ignored: Sequence[bytes]) -> list[Path]:
    """Return the repositories below `root` but outside what git ignores there.

    `root` itself counts when its `.git` is a folder.
    """
    skipped = {os.fsdecode(path).rstrip("/") for path in ignored}
    found = [root] if (root / ".git").is_dir() else []
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        inside = here.relative_to(root)
        if here != root and (".git" in folders or ".git" in files):
            found.append(here)
        folders[:] = [
            name
            for name in folders
            if name != ".git" and (inside / name).as_posix() not in skipped
        ]
    return found
