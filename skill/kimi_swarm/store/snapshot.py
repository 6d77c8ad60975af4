"""Reading what the scheduler looks at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from kimi_swarm.core.schedule import Busy, RunLimits, Snapshot, Waiting


def read_snapshot(
    connection: sqlite3.Connection,
    *,
    at: float,
    machine_cap: int,
    last_start_at: Mapping[str, float],
) -> Snapshot:
    """Return all live sessions, oldest run first, with limits and outcomes so far."""
    waiting: list[Waiting] = []
    busy: list[Busy] = []
    for row in connection.execute(
        "SELECT sessions.id, run, task, profile, sessions.state, needs, ready_at,"
        " stop_wish FROM sessions JOIN runs ON runs.id = run"
        " WHERE sessions.state != 'done' ORDER BY runs.created_at, place"
    ):
        session, run, task, profile, state, needs, ready_at, wish = row
        if state == "queued":
            waiting.append(
                Waiting(
                    session, run, task, profile, tuple(needs.split()), wish, ready_at
                )
            )
        else:
            busy.append(Busy(session, run, profile, wish, state == "stopping"))
    runs, caps, spacing_s = _limits(connection)
    with_needs = {each.run for each in waiting if each.needs}
    return Snapshot(
        at=at,
        waiting=waiting,
        busy=busy,
        runs=runs,
        task_outcomes={run: _outcomes(connection, run) for run in with_needs},
        machine_cap=machine_cap,
        profile_caps=caps,
        profile_spacing_s=spacing_s,
        last_start_at=last_start_at,
    )


def _limits(
    connection: sqlite3.Connection,
) -> tuple[dict[str, RunLimits], dict[str, int], dict[str, float]]:
    runs: dict[str, RunLimits] = {}
    caps: dict[str, int] = {}
    spacing_s: dict[str, float] = {}
    for run, concurrency, gap_s, wall_s, created_at, profiles in connection.execute(
        "SELECT id, concurrency, spacing_s, wall_s, created_at, profiles FROM runs"
        " WHERE state = 'running'"
    ):
        ends_at = None if wall_s is None else created_at + wall_s
        runs[run] = RunLimits(concurrency, gap_s, ends_at)
        for name, limits in json.loads(profiles).items():
            # Two runs may know a profile differently: the stricter one holds.
            if limits["max_parallel"] is not None:
                caps[name] = min(caps.get(name, 10**9), limits["max_parallel"])
            spacing_s[name] = max(spacing_s.get(name, 0.0), limits["spacing_s"])
    return runs, caps, spacing_s


def _outcomes(connection: sqlite3.Connection, run: str) -> dict[str, str]:
    """Return the final outcome per task: a later attempt overrides, even a live one."""
    outcomes: dict[str, str | None] = dict(
        connection.execute(
            "SELECT task, outcome FROM sessions WHERE run = ? ORDER BY attempt", (run,)
        ).fetchall()
    )
    return {task: outcome for task, outcome in outcomes.items() if outcome}
