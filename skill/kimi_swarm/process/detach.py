"""Making sure that a supervisor lives: one per state folder, detached from all."""

from __future__ import annotations

import os
import sys
import time

from kimi_swarm.errors import SwarmError
from kimi_swarm.location import supervisor_log_path
from kimi_swarm.process.bell import ring
from kimi_swarm.process.platform import require_supported

STARTING_LIMIT_S = 10.0
START_TRIES = 3
GAVE_UP = 3
"""The exit code of one that could not serve, and has said why in its log."""
STARTING_STEP_S = 0.05


class SupervisorStartError(SwarmError):
    """Raised when a supervisor could not be started."""

    code = "supervisor_start"
    exit_code = 3

    def __init__(self, home: str) -> None:
        super().__init__(
            "The supervisor could not be started; what is queued stays queued.",
            remedy=f"Read {supervisor_log_path(home)}, then run `list` or `wait`.",
        )


def ensure_supervisor(
    home: str, *, run: str | None = None, env: dict[str, str] | None = None
) -> None:
    """Wake the supervisor of a state folder, or start one that looks for itself.

    A started one is given the caller's environment in memory, and hands over `run`'s
    share of it should another have been faster. It is a daemon: own session, no
    inherited descriptors, forked twice, so that it outlives the caller, its process
    group and its terminal. Returns when it answers. Raises SupervisorStartError when it
    died before.
    """
    require_supported()
    if ring(home, run=run, env=env):
        return
    from kimi_swarm.process.locks import try_lock  # noqa: PLC0415 rarely needed

    # One start at a time: a crowd of callers would start a crowd of supervisors, and
    # the one that is to serve them all would come up last. Who is starting may itself
    # have been halted: nobody waits for ever.
    deadline = time.monotonic() + STARTING_LIMIT_S
    while (lock := try_lock(supervisor_log_path(home))) is None:
        if time.monotonic() > deadline:
            break
        time.sleep(STARTING_STEP_S)
        if ring(home, run=run, env=env):
            return
    try:
        for _ in range(START_TRIES):
            if ring(home, run=run, env=env) or _start_supervisor(home, run, env):
                return
        raise SupervisorStartError(home)
    finally:
        if lock is not None:
            os.close(lock)


def _start_supervisor(home: str, run: str | None, env: dict[str, str] | None) -> bool:
    """Start a supervisor; whether it stands. One that was killed may be tried again."""
    from subprocess import run as run_process  # noqa: PLC0415 rarely needed

    from kimi_swarm.process.given_values import (  # noqa: PLC0415 as above
        handed_over,
        shown,
    )

    source_root = os.path.dirname(  # noqa: PTH120 light
        os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 light
    )
    with open(supervisor_log_path(home), "ab") as log:  # noqa: PTH123 light
        started = run_process(
            [
                os.environ.get("KIMI_SWARM_PYTHON") or sys.executable,
                *("-P", "-s", "-m", "kimi_swarm.supervisor"),
                *([] if run is None else [run]),
            ],
            cwd=home,
            env={**shown(), "PYTHONPATH": source_root, "KIMI_SWARM_HOME": home},
            input=handed_over(env or {}),
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )
    if started.returncode == GAVE_UP:
        raise SupervisorStartError(home)
    return started.returncode == 0
