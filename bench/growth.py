"""What grows with use: the supervisor's memory, the store, and single logs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from bench import logs
from bench.clock import memory_kib
from bench.hot import interpreters
from bench.room import Keepers, keepers_of, many, room, write_plan
from bench.sides import AIM, ROUNDS, Verb, ratios, time_both
from bench.tables import Cell, Table
from e2e.swarm_cli import Swarm
from fakes.runs import opened
from fakes.stored import fill

BATCHES = 20
BATCH = 500
CAP = 50
FIRST_BATCHES = 4
MEMORY_AIM = 1.05
WEIGHTS = ("Pss", "Rss", "Private_Dirty")

STORED = 100_000
APART_S = 600.0
"""Between two runs: 5,000 of them are five weeks of days to be added up."""
STORES = {
    "5,000 runs of 20": (STORED // 20, 20),
    "20 runs of 5,000": (20, STORED // 20),
    "100,000 runs of 1": (STORED, 1),
}


def run() -> list[Table]:
    """Measure all that grows; a few minutes, and 2 GiB of disk for a while."""
    return [run_memory(), run_store(), *logs.run()]


def run_memory() -> Table:
    """Run 10,000 sessions through one supervisor, and weigh it after each batch."""
    rows: list[list[Cell]] = []
    weights: list[int] = []
    keepers: Keepers | None = None
    with room() as user:
        for batch in range(1, BATCHES + 1):
            plan = write_plan(user, "batch", many(["true"], BATCH, cap=CAP))
            user.call("wait", user.spawn(plan))
            found = keepers_of(user)
            if keepers and found[:2] != keepers[:2]:
                message = f"another supervisor came: {keepers}, {found}"
                raise RuntimeError(message)
            keepers = found
            own, zygote = memory_kib(found.supervisor), memory_kib(found.zygote)
            weights.append(own["Rss"])
            first = weights[min(batch, FIRST_BATCHES) - 1]
            mib = [own[key] / 1024 for key in WEIGHTS]
            rows.append(
                [f"{batch * BATCH:,}", *mib, own["Rss"] / first, zygote["Rss"] / 1024]
            )
    growth = weights[-1] / weights[FIRST_BATCHES - 1]
    aim = f"after {FIRST_BATCHES * BATCH:,}: {growth:.3f}; aim: at most {MEMORY_AIM:g}"
    notes = (
        f"one supervisor, `true` at cap {CAP}, batches of {BATCH}",
        f"Rss at the end against that {aim}",
    )
    columns = ("sessions", *(f"{key} MiB" for key in WEIGHTS), "ratio", "zygote Rss")
    return Table("memory of one supervisor", columns, rows, notes)


def run_store() -> Table:
    """Time verbs on stores of many sessions against those on an empty or tiny one."""
    with room() as user:
        python = interpreters(user)["bare interpreter"]
        rows: list[list[Cell]] = []
        opened(user.room / "empty").close()
        with closing(opened(user.room / "tiny")) as connection:
            fill(connection, runs=1, sessions_each=1)
        for name, (runs, each) in STORES.items():
            home = user.room / name.replace(" ", "-")
            with closing(opened(home)) as connection:
                last = fill(connection, runs=runs, sessions_each=each, apart_s=APART_S)[
                    -1
                ]
            rows += _compare(user, python, name, home, last)
    columns = ("store", "verb", "ms", "against, ms", "ratio", "CPU ratio", "fastest")
    notes = (
        f"{ROUNDS} interleaved runs each, medians; aim: at most {AIM:g} times",
        "list against an empty store; the others against a store of one session",
    )
    return Table(f"{STORED:,} stored sessions", columns, rows, notes)


def _compare(
    user: Swarm, python: str, name: str, home: Path, last: str
) -> list[list[Cell]]:
    session, tiny = f"{last}/t0000", "past-0/t0000"
    verbs = {
        "list": (["list"], ["list"], "empty"),
        "list --json": (["list", "--json"], ["list", "--json"], "empty"),
        "poll SESSION": (["poll", session], ["poll", tiny], "tiny"),
        "log SESSION": (["log", session], ["log", tiny], "tiny"),
        "stats --by day": (["stats", "--by", "day"], ["stats", "--by", "day"], "tiny"),
        "stats --by run": (["stats", "--by", "run"], ["stats", "--by", "run"], "tiny"),
        "stats RUN": (["stats", last], ["stats", "past-0"], "tiny"),
    }
    rows: list[list[Cell]] = []
    for verb, (words, other, against) in verbs.items():
        small = Verb(other, user.room / against)
        spent = time_both(user, python, Verb(words, home), small)
        rows.append([name, verb, *ratios(*spent)])
    return rows
