"""Fifty at once on one state folder for a minute: callers, then bare transactions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from bench.tables import Cell, Table
from fakes.crowd import Crowd
from fakes.runs import opened, written
from fakes.swarm import Swarm, copy_of_the_product

WRITERS = 50
CALLS_S = 60.0
BARE_S = 20.0
SESSIONS_EACH = 200

BARE = """
import json, sys, time
from pathlib import Path
from fakes.runs import RUN, life, opened
from kimi_swarm.store.moves import move_session
from kimi_swarm.store.views import session_row
from kimi_swarm.store.wishes import move_cursor

home, number, seconds, is_kept = sys.argv[1:]
took_s, moves, place = [], life(), 0
kept = opened(Path(home)) if is_kept == "kept" else None
print("ready", flush=True)
sys.stdin.read()
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    began = time.monotonic()
    connection = kept or opened(Path(home))
    row = session_row(connection, f"{RUN}/t{number}-{place}")
    if row.revision < len(moves):
        move_session(connection, row, moves[row.revision])
    else:
        move_cursor(connection, f"host-{number}", RUN, place)
        place = (place + 1) % SESSIONS_EACH
    if kept is None:
        connection.close()
    took_s.append(time.monotonic() - began)
print(json.dumps(took_s))
"""


def run() -> list[Table]:
    """Measure both; every error that reaches somebody stands in the tables."""
    return [run_callers(), run_bare()]


def run_callers() -> Table:
    """Let fifty callers do for a minute what people and agents do."""
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-bench-") as folder:
        room = Path(folder)
        (room / "user").mkdir()
        swarm = Swarm(copy_of_the_product(room), room / "user")
        crowd = Crowd(swarm)
        try:
            crowd.work(WRITERS, seconds=CALLS_S)
            with closing(opened(swarm.home)) as connection:
                (events,) = connection.execute("SELECT max(seq) FROM events").fetchone()
        finally:
            swarm.close()
    slowest, misses = crowd.slowest(), Counter(call.verb for call in crowd.misses())
    rows: list[list[Cell]] = [
        [verb, str(count), slowest[verb], str(misses[verb])]
        for verb, count in crowd.counts().most_common()
    ]
    rows.append(["all", *_all(crowd)])
    refused = Counter(call.error for call in crowd.calls if call.error)
    notes = [
        f"{WRITERS} callers at once for {CALLS_S:g} s; {events:,} events were written",
        f"refused for what others had done: {dict(refused)}",
        *(str(call) for call in crowd.misses()[:5]),
    ]
    return Table(
        "callers at once", ("verb", "calls", "slowest s", "wrong"), rows, notes
    )


def _all(crowd: Crowd) -> list[Cell]:
    slowest_s = max(crowd.slowest().values())
    return [str(len(crowd.calls)), slowest_s, str(len(crowd.misses()))]


def run_bare() -> Table:
    """Let fifty processes write without a pause, and nothing else."""
    rows: list[list[Cell]] = []
    for how in ("opened", "kept"):
        took_s, errors = _write_together(how)
        took_s.sort()
        middle, late = took_s[len(took_s) // 2], took_s[len(took_s) * 99 // 100]
        spent = [middle * 1000, late * 1000, took_s[-1] * 1000]
        name = f"connection {how}" + (" for each" if how == "opened" else "")
        rows.append([name, len(took_s) / BARE_S, *spent, str(len(errors))])
        if errors:
            raise RuntimeError(errors[0])
    columns = ("store", "transactions/s", "median ms", "p99 ms", "slowest ms", "errors")
    notes = (f"{WRITERS} processes at once for {BARE_S:g} s, one transaction a turn",)
    return Table("bare transactions at once", columns, rows, notes)


def _write_together(how: str) -> tuple[list[float], list[str]]:
    """Return how long each transaction took in all processes, and their errors."""
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-bench-") as folder:
        names = [
            f"t{one}-{place}"
            for one in range(WRITERS)
            for place in range(SESSIONS_EACH)
        ]
        written(Path(folder), *names).close()
        program = BARE.replace("SESSIONS_EACH", str(SESSIONS_EACH))
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", program, folder, str(one), str(BARE_S), how],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for one in range(WRITERS)
        ]
        for writer in writers:
            assert writer.stdout is not None  # noqa: S101 a pipe was asked for
            writer.stdout.readline()
        for writer in writers:
            assert writer.stdin is not None  # noqa: S101 as above
            writer.stdin.close()
            writer.stdin = None
        told = [writer.communicate() for writer in writers]
    errors = [err for _, err in told if err]
    return [took for out, _ in told if out for took in json.loads(out)], errors
