"""spawn: write a run down, make sure a supervisor lives, and return."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.actions.notify import Notice
from kimi_swarm.actions.plan import Prepared
from kimi_swarm.actions.state import passed_values
from kimi_swarm.actions.written import WrittenForAll
from kimi_swarm.core.names import COMMAND, RUN_NAMES, run_name
from kimi_swarm.location import (
    new_repository_folder,
    run_folder,
    salvage_folder,
    workspace_folder,
)
from kimi_swarm.price_lists import load_prices
from kimi_swarm.process.clock import now
from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.detach import ensure_supervisor
from kimi_swarm.process.locks import try_lock_folder
from kimi_swarm.process.machine import require_room
from kimi_swarm.process.platform import require_supported
from kimi_swarm.store.budget_warnings import warn_run
from kimi_swarm.store.database import (
    Connection,
    StateFolderError,
    open_database,
    transaction,
    words_for_errors,
)
from kimi_swarm.store.runs import NewRun, add_tasks, create_run
from kimi_swarm.store.views import run_row
from kimi_swarm.workspace.repository import create_repository, resolve_commit

NAME_TRIES = 50


@dataclass(frozen=True, slots=True)
class Spawned:
    """A run that is on its way; `left` tasks were in it already and are not added.

    `owner` is the asker it belongs to.
    """

    run: str
    name: str
    tasks: tuple[str, ...]
    profiles: tuple[str, ...]
    concurrency: int
    repo: str | None
    notes: tuple[str, ...]
    left: int = 0
    owner: str | None = None


class _Belongs(NamedTuple):
    """Whose a new run is, and which host is told of its ends."""

    owner: str
    notice: Notice | None


async def spawn(
    home: str,
    prepared: Prepared,
    *,
    environ: Mapping[str, str] | None = None,
    owner: str = "",
    notice: Notice | None = None,
) -> Spawned:
    """Write a prepared plan as a run with a queued session per task, all or nothing.

    What is prepared for a run that stands is added to that, which goes on if it was
    over. Never waits for a worker. `owner` is the asker that a new run belongs to,
    `notice` says which host is told of the run's ends; `environ` is what workers may
    take values from: the caller's environment if not given. Raises
    DiskLowError, StateFolderError, DiskFullError, NewerSchemaError,
    CorruptStateError, UnsupportedPlatformError, NameTakenError,
    PricesError.
    """
    require_supported()
    _require_room(home, prepared)
    written = WrittenForAll(load_prices(), prepared.pools, prepared.standing_budgets)
    connection = open_database(home, create=True)
    assert connection is not None  # noqa: S101 `create` makes one
    try:
        with words_for_errors(home):
            written.keep(connection)
        if prepared.into is None:
            belongs = _Belongs(owner, notice)
            run, repo = await _begin(home, connection, prepared, belongs)
        else:
            run, repo = prepared.into, _add(home, connection, prepared, notice)
        with words_for_errors(home):
            row = run_row(connection, run)
    finally:
        connection.close()
    env = passed_values(prepared.tasks, environ) | (notice.env if notice else {})
    reach("spawn.before_ring")
    if prepared.tasks:
        ensure_supervisor(home, run=run, env=env)
    return Spawned(
        run=run,
        name=prepared.name,
        tasks=tuple(task.name for task in prepared.tasks),
        profiles=tuple(sorted({task.recipe.profile for task in prepared.tasks})),
        concurrency=prepared.concurrency,
        repo=repo,
        notes=(*prepared.notes, *_loosely_held(prepared), *_pressing(row.warned)),
        left=len(prepared.left),
        owner=row.owner or None,
    )


async def _begin(
    home: str, connection: Connection, prepared: Prepared, belongs: _Belongs
) -> tuple[str, str | None]:
    """Make a run; return its id and its repository."""
    run, claim = _claim_name(home)
    try:
        return run, await _write(home, connection, run, prepared, belongs)
    except BaseException:
        _give_up(home, run)
        raise
    finally:
        os.close(claim)


def _add(
    home: str, connection: Connection, prepared: Prepared, notice: Notice | None
) -> str | None:
    """Add tasks to a run that stands; return its repository."""
    run = prepared.into or ""
    written = prepared.plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    with words_for_errors(home), transaction(connection):
        if prepared.tasks:  # perhaps the run has them all
            add_tasks(
                connection,
                run,
                prepared.tasks,
                written["tasks"],
                at=now(),
                gated=prepared.gated,
                budgets=prepared.plan.budgets(run),
            )
            if notice is not None:
                notice.wish(connection, run)
            warn_run(connection, run, at=now())
        return run_row(connection, run).repo


def _loosely_held(prepared: Prepared) -> tuple[str, ...]:
    """Say for the run's report whose budget is not held request by request."""
    if not (prepared.plan.budgets("") or prepared.standing_budgets):
        return ()
    names = sorted(set(prepared.sends_to) - prepared.gated - {COMMAND})
    if not names:
        return ()
    told = f"Budgets hold {', '.join(names)} per session only"
    return (f"{told}: what running sessions spend may go beyond.",)


def _pressing(warned: str | None) -> tuple[str, ...]:
    """Say which budgets a run finds used up already, or nearly."""
    return () if warned is None else (f"Used up already, or nearly: {warned}.",)


def _require_room(home: str, prepared: Prepared) -> None:
    """Refuse to begin where workspaces or commits would find no room."""
    places = [home]
    if prepared.repo is not None:
        places.append(str(prepared.repo.common_dir))
    with words_for_errors(home):
        for place in places:
            require_room(place, min_free_mib=prepared.min_free_mib)


def _claim_name(home: str) -> tuple[str, int]:
    """Choose two words and make their folder: who makes a folder has its name.

    Returns the folder's lock too: as long as it is held, the run is being made.
    """
    with words_for_errors(home):
        Path(home, "runs").mkdir(mode=0o700, parents=True, exist_ok=True)
        for attempt in range(NAME_TRIES):
            run = run_name(secrets.randbelow(RUN_NAMES))
            # When most names are taken, a number keeps them apart.
            run = (
                run
                if attempt < NAME_TRIES // 2
                else f"{run}-{secrets.randbelow(10**6)}"
            )
            if _is_kept(home, run):
                continue
            try:
                Path(run_folder(home, run)).mkdir(mode=0o700)
                claim = try_lock_folder(run_folder(home, run))
            except (FileExistsError, FileNotFoundError):
                continue
            if claim is not None:
                return run, claim
    raise StateFolderError(home, os.strerror(errno.EEXIST))


def _is_kept(home: str, run: str) -> bool:
    """Whether there is still something of an earlier run of that name."""
    places = (
        new_repository_folder(home, run),
        workspace_folder(home, run, ""),
        salvage_folder(home, run),
    )
    return any(Path(place).exists() for place in places)


async def _write(
    home: str, connection: Connection, run: str, prepared: Prepared, belongs: _Belongs
) -> str | None:
    repo = None if prepared.repo is None else str(prepared.repo.root)
    base = prepared.base
    if prepared.wants_new_repo:
        made = await create_repository(Path(new_repository_folder(home, run)))
        repo, base = str(made.root), await resolve_commit(made, "HEAD")
    new = NewRun(
        name=prepared.name,
        tasks=prepared.tasks,
        repo=repo,
        base=base,
        concurrency=prepared.concurrency,
        spacing_s=prepared.spacing_s,
        wall_s=prepared.wall_s,
        plan=prepared.plan.model_dump(mode="json", by_alias=True, exclude_none=True),
        notes=(*prepared.notes, *_loosely_held(prepared)),
        priority=prepared.priority,
        min_free_mib=prepared.min_free_mib,
        owner=belongs.owner,
        gated=prepared.gated,
        budgets=prepared.plan.budgets(run),
    )
    reach("spawn.before_written")
    with words_for_errors(home), transaction(connection):
        create_run(connection, run, new, at=now())
        if belongs.notice is not None:
            belongs.notice.wish(connection, run)
        warn_run(connection, run, at=now())
    reach("spawn.after_written")
    return repo


def _give_up(home: str, run: str) -> None:
    """Leave nothing of a run that could not be written."""
    from shutil import rmtree  # noqa: PLC0415 only after a failure

    for folder in (run_folder(home, run), new_repository_folder(home, run)):
        rmtree(folder, ignore_errors=True)
