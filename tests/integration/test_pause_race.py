"""A pause that falls between the supervisor's look and its deed holds all the same."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import RUN, written
from kimi_swarm.core.schedule import Start, schedule
from kimi_swarm.location import supervisor_lock_path
from kimi_swarm.process.locks import try_lock
from kimi_swarm.store.runs import set_paused
from kimi_swarm.store.views import session_row
from kimi_swarm.supervisor.environments import Environments
from kimi_swarm.supervisor.ground import Ground
from kimi_swarm.supervisor.loop import Supervisor

pytestmark = pytest.mark.anyio


async def test_nothing_is_chosen_of_a_run_that_was_paused_since_the_look(
    tmp_path: Path,
):
    home = str(tmp_path)
    lock = try_lock(supervisor_lock_path(home))
    assert lock is not None
    with closing(written(tmp_path, "a")) as connection:
        ground = Ground(home, lock, connection)
        supervisor = Supervisor(home, connection, Environments({}), ground)
        (decision,) = schedule(supervisor._look()).decisions
        assert decision == Start(f"{RUN}/a")

        set_paused(connection, RUN, is_paused=True, at=1.0)
        supervisor._act(decision)
        assert session_row(connection, f"{RUN}/a").state == "queued"

        set_paused(connection, RUN, is_paused=False, at=2.0)
        supervisor._act(decision)
        assert session_row(connection, f"{RUN}/a").state == "starting"
    os.close(lock)
