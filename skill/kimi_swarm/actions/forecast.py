"""Which tasks' work is likely to conflict, told while they still work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import anyio

from kimi_swarm.actions.merging import Work
from kimi_swarm.core.merged import LikelyConflict
from kimi_swarm.core.names import MERGED
from kimi_swarm.core.task import Task
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import session_folder
from kimi_swarm.process.records import write_atomically
from kimi_swarm.store.views import SessionRow
from kimi_swarm.workspace.forecast import (
    Touched,
    overlaps,
    touched_by,
    will_conflict,
)
from kimi_swarm.workspace.git import readable
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.tree import Repository, Worktree

LOOKED_AT = 200
ASKED = 50
AT_ONCE = 4
LIMIT_S = 10.0
SHOWN_PATHS = 20


async def forecast(home: str, work: Work) -> tuple[LikelyConflict, ...]:
    """Say which tasks touch the same files, unless git is sure that they merge.

    Bounded: at most 200 workspaces, 50 questions to git and ten seconds; what git said
    of two commits is remembered.
    """
    touched: dict[str, Touched] = {}
    found: list[LikelyConflict] = []
    with suppress(SwarmError), anyio.move_on_after(LIMIT_S):
        repo = await open_repository(Path(work.root))
        touched = await _touched(repo, work)
        found = await _judged(home, work, repo, touched)
    return tuple(found)


async def _touched(repo: Repository, work: Work) -> dict[str, Touched]:
    """Look at the workspaces of all tasks that began and may yet be merged."""
    rows = [
        row
        for row in work.sessions
        if row.workspace and row.branch and row.outcome in (None, "succeeded")
    ]
    found: dict[str, Touched] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def look(row: SessionRow) -> None:
        path = Path(row.workspace or "")
        tree = Worktree(repo, path, row.branch or "", row.base or "")
        async with limiter:
            with suppress(SwarmError):  # it may be gone by now
                found[row.task] = await touched_by(tree, is_live=row.outcome is None)

    async with anyio.create_task_group() as group:
        for row in rows[:LOOKED_AT]:
            group.start_soon(look, row)
    return {row.task: found[row.task] for row in rows if row.task in found}


async def _judged(
    home: str, work: Work, repo: Repository, touched: Mapping[str, Touched]
) -> list[LikelyConflict]:
    path = Path(session_folder(home, work.run.id, MERGED), "forecast.json")
    known = _read(path)
    asked = 0
    found: list[LikelyConflict] = []
    above = {name: _all_needs(work.tasks, name) for name in touched}
    for (one, other), paths in overlaps(touched).items():
        if one in above[other] or other in above[one]:
            continue  # the later one begins from the earlier one's work
        first, second = touched[one], touched[other]
        verdict: bool | None = None
        if (first.deleted ^ second.deleted) & set(paths):
            # Git would look for a renamed file here; our merges do not.
            verdict = True if first.head and second.head else None
        elif first.head is not None and second.head is not None:
            key = f"{first.head} {second.head}"
            if key not in known and asked < ASKED:
                asked += 1
                known[key] = await will_conflict(repo, first.head, second.head)
            verdict = known.get(key)
        if verdict is not False:
            names = tuple(readable(path) for path in paths[:SHOWN_PATHS])
            found.append(LikelyConflict((one, other), names, verdict is True))
    if asked:
        with suppress(OSError):  # then it is asked again
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(str(path), known)
    return sorted(found, key=lambda each: not each.is_sure)


def _read(path: Path) -> dict[str, bool | None]:
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text("utf-8")))
    return {}


def _all_needs(tasks: Mapping[str, Task], name: str) -> set[str]:
    """Return the tasks from whose work a task begins, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        task = tasks.get(waiting.pop())
        new = set(task.needs if task else ()) - found
        found |= new
        waiting += new
    return found
