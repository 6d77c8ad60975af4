"""Reading what the scheduler looks at."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from kimi_swarm.core.condition import When, holds
from kimi_swarm.core.machine_room import UNBOUNDED, Weight
from kimi_swarm.core.pool_room import PoolRoom
from kimi_swarm.core.schedule import NOT_NEEDED, Busy, RunLimits, Snapshot, Waiting
from kimi_swarm.store.budgets import count_of_tasks_with_budgets, read_allowances


class _Run(NamedTuple):
    """A run's limits, and those of the profiles it uses."""

    limits: RunLimits
    profiles: dict[str, dict[str, Any]]
    open_at: float
    priority: int


def read_snapshot(
    connection: sqlite3.Connection,
    *,
    at: float,
    machine_cap: int,
    last_start_at: Mapping[str, float],
    free_mib: int = sys.maxsize,
    pools: Mapping[str, PoolRoom] | None = None,
    machine: Weight = UNBOUNDED,
) -> Snapshot:
    """Return all live sessions, oldest run first, with limits and outcomes so far.

    `free_mib` is the room on the disk of the state folder, `pools` how they stand,
    `machine` what there is of memory and cores.
    """
    runs = _running(connection)
    caps, spacing_s = _profile_limits(runs)
    waiting = _waiting(connection, runs)
    busy = [
        Busy(session, run, profile, wish, state == "stopping")
        for session, run, profile, wish, state in connection.execute(
            "SELECT id, run, profile, stop_wish, state FROM sessions"
            " WHERE state IN ('starting', 'running', 'stopping')"
        )
    ]
    with_needs = {each.run for each in waiting if each.needs}
    return Snapshot(
        at=at,
        waiting=waiting,
        busy=busy,
        runs={name: run.limits for name, run in runs.items()},
        task_outcomes={run: _outcomes(connection, run) for run in with_needs},
        machine_cap=machine_cap,
        profile_caps=caps,
        profile_spacing_s=spacing_s,
        last_start_at=last_start_at,
        free_mib=free_mib,
        pools=pools or {},
        draws={
            (name, profile): tuple(known.get("pools", ()))
            for name, run in runs.items()
            for profile, known in run.profiles.items()
        },
        machine=machine,
        weights=_weights(runs),
        allowances=read_allowances(connection, at=at),
    )


def last_starts(connection: sqlite3.Connection) -> dict[str, float]:
    """Return when each run that is not over, and each profile in it, started last.

    For a supervisor that takes over: spacing counts from there.
    """
    last: dict[str, float] = {}
    for run, profile, at in connection.execute(
        "SELECT run, profile, max(coalesce(started_at, since_at)) FROM sessions"
        " WHERE run IN (SELECT id FROM runs WHERE state = 'running')"
        " AND (started_at IS NOT NULL OR state = 'starting')"
        " GROUP BY run, profile"
    ):
        for key in (run, profile):
            last[key] = max(at, last.get(key, 0.0))
    return last


_WAITING = (
    "SELECT place, id, run, task, profile, needs, stop_wish, ready_at, EXISTS ("
    "SELECT 1 FROM sessions AS former"
    " WHERE former.id = sessions.follows AND former.state != 'done'"
    "), created_at, queue_s, condition, rank FROM sessions "
)
# One query for each reason to look at a queued session, each answered by an index.
_REASONS = (
    "needs != ''",
    "stop_wish IS NOT NULL",
    "follows IS NOT NULL",
    "(ready_at != 0 OR queue_s IS NOT NULL)",
    "rank != 0",
)
_READY = (
    _WAITING + "WHERE run = ? AND profile = ? AND state = 'queued' AND needs = ''"
    " AND stop_wish IS NULL AND follows IS NULL AND ready_at = 0 AND queue_s IS NULL"
    " AND rank = 0 ORDER BY place LIMIT ?"
)


def _waiting(connection: sqlite3.Connection, runs: Mapping[str, _Run]) -> list[Waiting]:
    """Return queued sessions that could start or end now, in the order to start them.

    Of those that wait for nothing but a place, only as many can start as their run has
    places: the rest are left out, however many there are. A task that its own budget
    holds takes no place from the others.
    """
    waiting: list[Waiting] = []
    for run, (limits, profiles, open_at, _) in runs.items():
        rows = {
            row
            for reason in _REASONS
            for row in connection.execute(
                _WAITING + f"WHERE run = ? AND state = 'queued' AND {reason}", (run,)
            )
        }
        most = limits.concurrency + count_of_tasks_with_budgets(connection, run)
        for profile in profiles:
            rows.update(connection.execute(_READY, (run, profile, most)))
        waiting += [
            _read(connection, row, open_at)
            for row in sorted(rows, key=lambda row: row[0])
        ]
    # Sorting is stable: equals stay in the order of runs and plans.
    return sorted(waiting, key=lambda each: (-runs[each.run].priority, -each.rank))


def _read(
    connection: sqlite3.Connection, row: tuple[Any, ...], open_at: float
) -> Waiting:
    _, session, run, task, profile, needs, wish, ready_at, is_behind, *more = row
    at, queue_s, condition, rank = more
    needed = tuple(needs.split())
    queue_until_at = None
    if queue_s is not None:
        since_at = max(at, ready_at, open_at, _met_at(connection, run, needed))
        queue_until_at = since_at + queue_s
    return Waiting(
        session,
        run,
        task,
        profile,
        needed,
        stop_wish=wish,
        ready_at=ready_at,
        follows_live=bool(is_behind),
        queue_until_at=queue_until_at,
        rank=rank,
        is_wanted=condition is None or _holds(connection, run, json.loads(condition)),
    )


def _holds(connection: sqlite3.Connection, run: str, when: When) -> bool:
    """Whether the results of a session's needs say that it is wanted, so far."""
    results: dict[str, object] = {}
    for task in when:
        found = connection.execute(
            "SELECT result FROM sessions WHERE run = ? AND task = ?"
            " ORDER BY attempt DESC LIMIT 1",
            (run, task),
        ).fetchone()
        if found and found[0] is not None:
            results[task] = json.loads(found[0])
    return holds(when, results)


def _met_at(connection: sqlite3.Connection, run: str, needs: tuple[str, ...]) -> float:
    """Return when the last of the needs ended, as far as they have."""
    marks = ", ".join("?" * len(needs))
    (at,) = connection.execute(
        "SELECT max(ended_at) FROM sessions"  # noqa: S608 question marks
        f" WHERE run = ? AND task IN ({marks})",
        (run, *needs),
    ).fetchone()
    return float(at or 0.0)


def _running(connection: sqlite3.Connection) -> dict[str, _Run]:
    """Return the limits and profiles of runs that are not over, oldest first."""
    runs: dict[str, _Run] = {}
    for row in connection.execute(
        "SELECT id, concurrency, spacing_s, wall_s, since_at, open_at, paused_at,"
        " min_free_mib, priority, profiles FROM runs WHERE state = 'running'"
        " ORDER BY created_at"
    ):
        run, concurrency, gap_s, wall_s, since_at, open_at, paused_at, *rest = row
        min_free_mib, priority, profiles = rest
        limits = RunLimits(
            concurrency,
            gap_s,
            ends_at=None if wall_s is None else since_at + wall_s,
            is_paused=paused_at is not None,
            min_free_mib=min_free_mib,
        )
        runs[run] = _Run(limits, json.loads(profiles), open_at, priority)
    return runs


def _profile_limits(
    runs: Mapping[str, _Run],
) -> tuple[dict[str, int], dict[str, float]]:
    """Two runs may know a profile differently: the stricter one holds."""
    caps: dict[str, int] = {}
    spacing_s: dict[str, float] = {}
    for run in runs.values():
        for name, limits in run.profiles.items():
            cap, gap_s = limits["max_parallel"], limits["spacing_s"]
            if cap is not None:
                caps[name] = min(caps.get(name, int(cap)), int(cap))
            spacing_s[name] = max(spacing_s.get(name, 0.0), gap_s or 0.0)
    return caps, spacing_s


def _weights(runs: Mapping[str, _Run]) -> dict[str, Weight]:
    """Return what a worker of each profile takes, the most that a run knows of it."""
    found: dict[str, Weight] = {}
    for run in runs.values():
        for name, known in run.profiles.items():
            told = Weight(*known.get("weight", ()))  # runs of old tell none
            before = found.get(name, told)
            found[name] = Weight(*map(max, before, told))
    return found


def _outcomes(connection: sqlite3.Connection, run: str) -> dict[str, str]:
    """Return the final outcome per task: a later attempt overrides, even a live one."""
    outcomes: dict[str, str | None] = dict(
        connection.execute(
            "SELECT task, CASE reason WHEN ?2 THEN ?2 ELSE outcome END FROM sessions"
            " WHERE run = ?1 ORDER BY attempt",
            (run, NOT_NEEDED),
        ).fetchall()
    )
    return {task: outcome for task, outcome in outcomes.items() if outcome}
