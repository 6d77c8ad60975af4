"""How much room runs take on the disk. Standard library only: `list --size` asks."""

from __future__ import annotations

import os
from contextlib import suppress

from kimi_swarm.location import (
    new_repository_folder,
    run_folder,
    salvage_folder,
    workspace_folder,
)

BLOCK_BYTES = 512


def run_bytes(home: str, run: str) -> int:
    """Return the room of a run's logs, workspaces and new repository; takes time."""
    repository = new_repository_folder(home, run)
    return cleared_bytes(home, run) + folder_bytes(repository)


def cleared_bytes(home: str, run: str) -> int:
    """Return the room of what `clear` removes of a run at most."""
    folders = (run_folder(home, run), workspace_folder(home, run, ""))
    return sum(map(folder_bytes, folders))


def salvaged_bytes(home: str, run: str) -> int:
    """Return the room of what `clear` has kept of a run in the salvage folder."""
    return folder_bytes(salvage_folder(home, run))


def biggest_runs(home: str, *, limit: int) -> tuple[tuple[str, int], ...]:
    """Return the runs that take the most room, and how much, biggest first."""
    names: set[str] = set()
    for place in ("runs", "workspaces", "repos"):
        with suppress(OSError):
            names.update(os.listdir(f"{home}/{place}"))  # noqa: PTH208 light
    sizes = sorted(((run_bytes(home, name), name) for name in names), reverse=True)
    return tuple((name, size) for size, name in sizes[:limit])


def folder_bytes(path: str) -> int:
    """Return the room of a folder with all in it, 0 where there is none.

    What lies there under several names counts once; links are not followed.
    """
    total, seen, folders = 0, set(), [path]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:  # not there, or gone meanwhile
            continue
        for entry in entries:
            try:
                stat = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                if (stat.st_dev, stat.st_ino) in seen:
                    continue
                seen.add((stat.st_dev, stat.st_ino))
            total += stat.st_blocks * BLOCK_BYTES
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return total


def readable_bytes(count: int) -> str:
    """Return a size as people read it: `512 B`, `4.0 KiB`, `1.2 GiB`."""
    if count < 1024:  # noqa: PLR2004 a kibibyte
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1000:  # noqa: PLR2004 four digits at most
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"
