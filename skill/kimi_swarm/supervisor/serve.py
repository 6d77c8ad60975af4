"""Being the one supervisor of a state folder, from taking its lock to going idle."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from kimi_swarm.errors import SwarmError
from kimi_swarm.location import supervisor_lock_path
from kimi_swarm.process.bell import ring
from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.given_values import GivenValues
from kimi_swarm.process.late_reads import pass_over_late_reads
from kimi_swarm.process.locks import try_lock
from kimi_swarm.store.database import (
    NewerSchemaError,
    StateError,
    open_database,
    words_for_errors,
)
from kimi_swarm.store.runs import tasks_of
from kimi_swarm.store.views import wants_supervisor
from kimi_swarm.supervisor.environments import Environments
from kimi_swarm.supervisor.ground import Ground
from kimi_swarm.supervisor.loop import Supervisor

IDLE_S = 5.0
LOCK_LIMIT_S = 10.0
LOCK_STEP_S = 0.02


def serve(
    home: str,
    run: str | None = None,
    *,
    given: GivenValues,
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Supervise a state folder until it is idle; return an exit code.

    `run` is the one whose workers may take values from what is `given`. When another
    supervisor answers there, hands these values to it and returns. Calls
    `on_ready` once a supervisor answers, this one or another. What goes wrong is
    written to standard error, which is the supervisor's log.
    """
    try:
        return anyio.run(_serve, home, run, given, on_ready)
    except NewerSchemaError:
        return 0  # who migrated the state brings a supervisor that knows it
    except SwarmError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return error.exit_code
    except Exception:  # noqa: BLE001 the last place that could tell anybody
        traceback.print_exc()
        return 3


async def _serve(
    home: str, run: str | None, given: GivenValues, on_ready: Callable[[], None]
) -> int:
    pass_over_late_reads()
    with words_for_errors(home):
        lock = await _take_lock(home, run, given)
    if lock is None:
        on_ready()
        return 0
    reach("supervisor.after_lock")
    idle_s = float(os.environ.get("KIMI_SWARM_IDLE_S", IDLE_S))
    connection = open_database(home, create=False)
    if connection is None:
        return 0
    ground = Ground(home, lock, connection)
    environments = Environments(given.environ)
    if run is not None:
        environments.keep(run, {**given.environ, **given.of_run}, list)
    try:
        while True:
            supervisor = Supervisor(home, connection, environments, ground)
            trouble = await _live(partial(supervisor.run, idle_s, on_ready))
            if trouble is not None:
                await ground.recover(trouble)
                continue
            # The door is shut now: whoever came while it was closing is seen here.
            if not wants_supervisor(connection):
                return 0
    finally:
        connection.close()
        os.close(lock)


async def _live(life: Callable[[], Awaitable[None]]) -> StateError | None:
    """Live one life to its end; return what was wrong with the state, if it was that.

    Everything a supervisor knows is in the state folder: the next life takes over from
    this one as from a killed one.
    """
    try:
        await life()
    except BaseExceptionGroup as group:
        troubles, others = group.split(StateError)
        if troubles is None or others is not None:
            raise
        return _first(troubles)
    return None


def _first(group: BaseExceptionGroup[StateError]) -> StateError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _take_lock(home: str, run: str | None, given: GivenValues) -> int | None:
    """Take the folder's supervisor lock, waiting for one that is just leaving."""
    env: dict[str, str] | None = None
    with anyio.move_on_after(LOCK_LIMIT_S):
        while True:
            lock = try_lock(supervisor_lock_path(home))
            if lock is not None:
                return lock
            env = _passed(home, run, given) if env is None else env
            if await anyio.to_thread.run_sync(partial(ring, home, run=run, env=env)):
                return None
            await anyio.sleep(LOCK_STEP_S)
    return None


def _passed(home: str, run: str | None, given: GivenValues) -> dict[str, str]:
    """Return the values that a run's workers take from what was given to us."""
    connection = None if run is None else open_database(home, create=False)
    if connection is None or run is None:
        return {}
    try:
        tasks = tasks_of(connection, run)
    finally:
        connection.close()
    names = {name for task in tasks for name in task.recipe.env_pass}
    passed = {name: given.environ[name] for name in names if name in given.environ}
    return {**passed, **given.of_run}
