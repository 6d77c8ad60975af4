"""The adaptive gate against fixed concurrency, on many traces of limited providers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from bench.limit_traces import HELD_OUT, TRACES, Trace
from bench.tables import Cell, Table
from fakes.gate_keepers import DoublingKeeper, FixedKeeper, GateKeeper
from fakes.limited_provider import Controller, Crowd, Played
from kimi_swarm.core.pool import PoolLimits

SWEEP = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 100)


def play(trace: Trace, controller: Controller) -> Played:
    """Play one trace with a controller, in simulated time."""
    return Crowd(trace.provider(), trace.jobs(), seed=1).run(controller)


SIDES: dict[str, Callable[[], Controller]] = {
    "gate": lambda: GateKeeper(PoolLimits()),
    "fixed 5": lambda: FixedKeeper(5),
    "doubling": DoublingKeeper,
}


def run() -> list[Table]:
    """Play every trace, and each again as it was not when the gate was tuned."""
    return [_table("limits", TRACES), _table("limits, held out", HELD_OUT)]


def _table(title: str, traces: Sequence[Trace]) -> Table:
    """Play traces with each side, and with every fixed width."""
    rows: list[list[Cell]] = []
    shares: dict[str, list[float]] = {side: [] for side in SIDES}
    refusals: dict[str, int] = dict.fromkeys(SIDES, 0)
    for trace in traces:
        sweep = {width: play(trace, FixedKeeper(width)) for width in SWEEP}
        best = min(sweep, key=lambda width: (sweep[width].took_s, width))
        row: list[Cell] = [trace.name, f"{best}: {sweep[best].took_s:.0f} s"]
        row.append(str(sweep[best].refusals))
        for side, make in SIDES.items():
            played = play(trace, make())
            share = sweep[best].took_s / played.took_s
            shares[side].append(share)
            refusals[side] += played.refusals
            row += [share, str(played.refusals)]
        rows.append(row)
    columns = ["trace", "best fixed", "its 429s"]
    for side in SIDES:
        columns += [side, "429s"]
    for name, of in (("median; all 429s", median), ("worst", min)):
        row = [name, "", ""]
        for side in SIDES:
            row += [of(shares[side]), str(refusals[side]) if of is median else ""]
        rows.append(row)
    notes = (
        "throughput as a share of the best fixed width, known afterwards; simulated",
    )
    return Table(title, columns, rows, notes)
