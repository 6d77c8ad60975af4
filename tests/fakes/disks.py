"""Disks of their own for tests: small ones, and ones that cannot be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *, size_mib: int) -> Iterator[Path]:
    """Mount so much disk at a new folder, or skip where that is not allowed."""
    folder.mkdir()
    size = f"size={size_mib}m"
    _mount("-t", "tmpfs", "-o", size, "none", str(folder), why="a small disk")
    try:
        yield folder
    finally:
        _unmount(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody, root included, write into a folder; skip where that fails."""
    _mount("--bind", str(folder), str(folder), why="a folder over itself")
    _mount("-o", "remount,ro,bind", str(folder), why="a folder read-only")
    try:
        yield
    finally:
        _unmount(folder)


def fill(folder: Path, *, leave_bytes: int = 0) -> Path:
    """Use up the room of a disk but for so many bytes; return the file that does."""
    filler = folder / "filler"
    space = os.statvfs(folder)
    filler.write_bytes(b"x" * (space.f_bavail * space.f_frsize - leave_bytes))
    return filler


def _mount(*words: str, why: str) -> None:
    mount = shutil.which("mount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None:
        pytest.skip(f"needs root on Linux to mount {why}")
    done = subprocess.run([mount, *words], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"this machine lets nobody mount {why}")


def _unmount(folder: Path) -> None:
    # A process that is just ending may still have its folder there.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
