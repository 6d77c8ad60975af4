"""One map over many items on the demo worker, while what runs it is killed."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from pathlib import Path

from bench.tables import Table, keep, show
from fakes.map_case import MapCase, MapTotals
from fakes.swarm import Swarm, copy_of_the_product

SHOWN = 20


def main(words: list[str]) -> int:
    """Run the map as the words say; print and keep its totals; 1 if any is bad."""
    parser = argparse.ArgumentParser(prog="python -m bench map")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=20)
    parser.add_argument("--strikes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-map-") as folder:
        user = Swarm(copy_of_the_product(Path(folder, "product")), Path(folder))
        user.env["KIMI_SWARM_IDLE_S"] = "1"
        case = MapCase(user, asked.items, at_once=asked.concurrency, seed=asked.seed)
        try:
            totals = case.play(asked.strikes)
        finally:
            user.close()
    table = table_of(totals, asked.seed)
    print(show(table))
    for wrong in totals.wrongs[:SHOWN]:
        print(f"wrong: {wrong}")
    print(f"Kept in {keep('map', [table])}")
    return 1 if totals.wrongs else 0


def table_of(totals: MapTotals, seed: int) -> Table:
    """Tell a map's totals; the row of what is wrong should be nought."""
    kills = ", ".join(f"{count} {kind}s" for kind, count in totals.kills.items())
    ends = ", ".join(f"{count} {name}" for name, count in totals.outcomes.items())
    return Table(
        f"map over {totals.items} items",
        ("what", "how many"),
        [
            ["sessions, all tries", str(totals.sessions)],
            ["outcomes", ends],
            ["SIGKILLs", kills],
            ["done again by hand", str(totals.retried)],
            ["seconds", f"{totals.seconds:.0f}"],
            ["sessions for ten more items", str(totals.added)],
            ["seconds for these", f"{totals.added_seconds:.0f}"],
            ["wrong", str(len(totals.wrongs))],
        ],
        (f"seed {seed}",),
    )
