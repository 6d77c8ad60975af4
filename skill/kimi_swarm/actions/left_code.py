"""Leftovers in the cache: copies of the code that no skill and no process uses."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kimi_swarm.actions.scene import Leftover, in_thread
from kimi_swarm.process.clock import now

LAYING_S = 3600.0
"""How long a copy may still be somebody's who is laying it."""
CALLED = (b"swarm.py", b"kimi-swarm", b"kimi_swarm")


def left_code(code: str | None, lines: dict[int, bytes] | None) -> list[Leftover]:
    """Find copies of code in the cache that nothing leads to.

    `code` is the copy that runs now, None where the package is installed: then there
    is no cache. `lines` are how all processes were started, None where that is not
    told. A copy goes only if no skill on this machine was last run from it, and no
    process could still import from it.
    """
    if not code:
        return []
    copies = Path(code).parent
    cache = copies.parent
    wanted = {Path(code).name, *_referred_to(cache)}
    old = [each for each in _folders(copies) if each.name not in wanted]
    return [_judged(each, lines) for each in old]


def _folders(copies: Path) -> list[Path]:
    try:
        return sorted(each for each in copies.iterdir() if each.is_dir())
    except OSError:
        return []


def _referred_to(cache: Path) -> set[str]:
    """Return the copies that skills which are still there were last run from."""
    found = set()
    for index in sorted((cache / "index").glob("*")):
        try:
            head, _, signature = index.read_bytes().partition(b"\n")
        except OSError:
            continue
        root = os.fsdecode(signature.partition(b"\n")[0])
        if Path(root).is_dir():
            found.add(head.decode("ascii", "replace").partition(" ")[0])
    return found


def _judged(copy: Path, lines: dict[int, bytes] | None) -> Leftover:
    why = "no skill runs from it any more"
    if copy.name.startswith(".new-"):
        if now() - copy.stat().st_mtime < LAYING_S:
            return Leftover("code", str(copy), "somebody may be laying it")
        why = "laying it was cut short"
    if lines is None:
        return Leftover("code", str(copy), f"{why}; whether it is in use is not told")
    mark = os.fsencode(copy)
    if any(mark in line for line in lines.values()):
        return Leftover("code", str(copy), f"{why}, but a process still does")
    # A light verb runs in the launcher's process and does not say from which copy.
    others = [line for pid, line in lines.items() if pid != os.getpid()]
    if any(word in line for line in others for word in CALLED):
        return Leftover("code", str(copy), f"{why}, but a process may still do")
    return Leftover("code", str(copy), why, in_thread(_remove, copy))


def _remove(copy: Path) -> str:
    shutil.rmtree(copy)
    return "removed"
