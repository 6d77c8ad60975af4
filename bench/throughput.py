"""Many short workers, from spawn to the end of the run, beside other queues."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import NamedTuple

from bench.clock import cpu_s_of, memory_kib
from bench.peers import PEERS, Job
from bench.room import keepers_of, many, room, write_plan
from bench.tables import Cell, Table
from e2e.swarm_cli import Swarm

ROUNDS = 3
SLEEPERS = 50
AIM = 1.2
UP_LIMIT_S = 30.0
JOBS = {
    "1,000 x true at cap 50": (Job(["true"], 1000, 50), None),
    "200 x sleep 0.1 at cap 20": (Job(["sleep", "0.1"], 200, 20), 1.0),
}


class Flow(NamedTuple):
    """One run: seconds from the call of spawn, and processor time of its keepers."""

    wall_s: float
    spawn_s: float
    supervisor_s: float
    zygote_s: float


def run() -> list[Table]:
    """Time both jobs by everybody in turn; then weigh the live shims."""
    with room() as user:
        tables = [_table(user, name, job, ideal) for name, (job, ideal) in JOBS.items()]
        return [*tables, _weigh(user)]


def _table(user: Swarm, name: str, job: Job, ideal_s: float | None) -> Table:
    flows: list[Flow] = []
    peers: dict[str, list[float]] = {peer: [] for peer in PEERS}
    notes = [f"medians of {ROUNDS}, interleaved"]
    for _ in range(ROUNDS):
        flows.append(_flow(user, job))
        for peer, time_peer in PEERS.items():
            with tempfile.TemporaryDirectory() as folder:
                took_s = time_peer(job, Path(folder))
            peers[peer] += [] if took_s is None else [took_s]
    walls = {"kimi-swarm": [flow.wall_s for flow in flows], **peers}
    notes += [
        f"{peer} is not installed here" for peer, took in walls.items() if not took
    ]
    medians = {who: statistics.median(took) for who, took in walls.items() if took}
    floor_s = ideal_s or medians["no supervision at all"]
    notes.append(
        f"ideal: {ideal_s:g} s; aim: at most {AIM:g} times"
        if ideal_s
        else "ideal: no supervision at all"
    )
    rows: list[list[Cell]] = [
        [who, took_s, took_s / floor_s, job.times / took_s]
        for who, took_s in medians.items()
    ]
    spent = Flow(*map(statistics.median, zip(*flows, strict=True)))
    notes.append(
        f"of that, spawn {spent.spawn_s:.2f} s; processor time of the supervisor"
        f" {spent.supervisor_s:.2f} s, of the zygote {spent.zygote_s:.2f} s"
    )
    return Table(name, ("who", "wall s", "of ideal", "per s"), rows, notes)


def _flow(user: Swarm, job: Job) -> Flow:
    warm = write_plan(user, "warm", many(["true"], 1, cap=1))
    user.call("wait", user.spawn(warm))
    plan = write_plan(user, "flow", many(job.argv, job.times, cap=job.cap))
    keepers = keepers_of(user)[:2]
    before = [cpu_s_of(pid) for pid in keepers]
    began = perf_counter()
    run_id = user.spawn(plan)
    spawn_s = perf_counter() - began
    user.call("wait", run_id)
    wall_s = perf_counter() - began
    spent = [cpu_s_of(pid) - start for pid, start in zip(keepers, before, strict=True)]
    return Flow(wall_s, spawn_s, *spent)


def _weigh(user: Swarm) -> Table:
    """Hold many workers alive, and read the memory of what is around them."""
    run_id = user.spawn(
        write_plan(user, "sleep", many(["sleep", "60"], SLEEPERS, cap=SLEEPERS))
    )
    limit = monotonic() + UP_LIMIT_S
    while (
        user.ask("list", run_id)["counts"] != {"running": SLEEPERS}
        and monotonic() < limit
    ):
        sleep(0.1)
    keepers = keepers_of(user)
    weights = [memory_kib(pid) for pid in keepers.shims]
    supervisor = memory_kib(keepers.supervisor)
    rows: list[list[Cell]] = [
        [
            f"shim (median of {len(weights)})",
            *(_median_mib(weights, key) for key in KEYS),
        ],
        ["zygote", *(memory_kib(keepers.zygote)[key] / 1024 for key in KEYS)],
        ["supervisor", *(supervisor[key] / 1024 for key in KEYS)],
    ]
    user.call("kill", run_id, code=None)
    notes = (
        f"{SLEEPERS} workers alive; shims share the zygote's pages until they write",
    )
    return Table("memory, MiB", ("process", *KEYS), rows, notes)


KEYS = ("Pss", "Private_Dirty", "Rss")


def _median_mib(weights: list[dict[str, int]], key: str) -> float:
    return statistics.median(weight[key] for weight in weights) / 1024
