"""What crashes left: found, told, and on request ended or removed. No work goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.actions.left_code import left_code
from kimi_swarm.actions.left_launches import (
    left_alone,
    left_files,
    left_processes,
    left_socket,
)
from kimi_swarm.actions.left_trees import (
    left_merges,
    left_registrations,
    left_runs,
    left_workspaces,
)
from kimi_swarm.actions.scene import Leftover, Scene, entries, take
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.platform import command_lines
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository

ROUNDS = 3
"""One leftover may hide another: a folder is empty only when its last file went."""


@dataclass(frozen=True, slots=True)
class Found:
    """A leftover as it is told: its kind, what it is, why it is one."""

    kind: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """A leftover with what was done about it."""

    kind: str
    what: str
    why: str
    done: str


@dataclass(frozen=True, slots=True)
class Fixes:
    """What was mended, what is left to a person, and what resisted."""

    fixed: tuple[Fixed, ...]
    left: tuple[Found, ...]
    failed: tuple[Fixed, ...]


async def find_leftovers(home: str) -> tuple[Found, ...]:
    """Look for what crashes left, without changing anything.

    Raises what opening the database raises.
    """
    return tuple(map(_told, await _find(home)))


async def fix_leftovers(home: str) -> Fixes:
    """End and remove what crashes left; what holds unmerged work is saved or stays.

    Safe beside live runs: what they have or may get is never touched. Raises what
    opening the database raises.
    """
    fixed: list[Fixed] = []
    failed: dict[str, Fixed] = {}
    left: list[Leftover] = []
    for _ in range(ROUNDS):
        found = await _find(home)
        left = [each for each in found if each.mend is None]
        todo = [each for each in found if each.mend and each.what not in failed]
        for each in todo:
            told = await _mend(each)
            if told.kind == "failed":
                failed[each.what] = told
            else:
                fixed.append(told)
        if not todo:
            break
    return Fixes(tuple(fixed), tuple(map(_told, left)), tuple(failed.values()))


async def _mend(each: Leftover) -> Fixed:
    assert each.mend is not None  # noqa: S101 the caller chose those that have one
    try:
        done = await each.mend()
    except (SwarmError, OSError) as error:
        return Fixed("failed", each.what, each.why, str(error))
    return Fixed(each.kind, each.what, each.why, done)


async def _find(home: str) -> list[Leftover]:
    """Look in the order in which it can be mended: who works there ends first."""
    if not Path(home).is_dir():  # noqa: ASYNC240 one look
        return []
    census = take(home)
    scene = Scene(home, census, await _repositories(home, census.repos))
    return [
        *left_processes(scene),
        *left_merges(scene),
        *left_files(scene),
        *await left_workspaces(scene),
        *left_registrations(scene),
        *left_runs(scene),
        *left_socket(scene),
        *left_alone(scene),
        *left_code(os.environ.get("KIMI_SWARM_CODE"), command_lines()),
    ]


async def _repositories(home: str, used: tuple[str, ...]) -> tuple[Repository, ...]:
    made = [str(each) for each in entries(home, "repos")]
    found: dict[Path, Repository] = {}
    for root in (*used, *made):
        try:
            repo = await open_repository(Path(root))
        except SwarmError:  # it is gone, or is none any more
            continue
        found[repo.common_dir] = repo
    return tuple(found.values())


def _told(each: Leftover) -> Found:
    return Found(each.kind, each.what, each.why)
