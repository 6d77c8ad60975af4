"""Long random campaigns: thousands of sessions flow while something is killed."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from pathlib import Path

from bench.tables import Table, keep, show
from fakes.campaign import Campaign, Totals
from fakes.swarm import Swarm, copy_of_the_product

VICTIMS = {
    "supervisor": ("supervisor",),
    "shim": ("shim",),
    "zygote": ("zygote",),
    "worker": ("worker",),
    "everything": ("everything",),
    "others": ("shim", "zygote", "worker"),
    "mixed": ("supervisor", "shim", "zygote", "worker", "everything"),
}
SHOWN = 20


def main(words: list[str]) -> int:
    """Run a campaign as the words say; print and keep its totals; 1 if any is bad."""
    parser = argparse.ArgumentParser(prog="python -m bench campaign")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--victim", choices=VICTIMS, default="supervisor")
    parser.add_argument("--retries", type=int, default=0)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-campaign-") as folder:
        user = Swarm(copy_of_the_product(Path(folder, "product")), Path(folder))
        victims = VICTIMS[asked.victim]
        campaign = Campaign(user, victims, asked.seed, retries=asked.retries)
        try:
            totals = campaign.run(kills=asked.kills, sessions=asked.sessions)
        finally:
            user.close()
    name = asked.victim + (f"-retries-{asked.retries}" if asked.retries else "")
    table = table_of(name, totals)
    print(show(table))
    for wrong in totals.wrongs[:SHOWN]:
        print(f"wrong: {wrong}")
    print(f"Kept in {keep(f'campaign-{name}', [table])}")
    return 1 if totals.wrongs else 0


def table_of(victim: str, totals: Totals) -> Table:
    """Tell a campaign's totals; the last rows should all be nought."""
    kills = ", ".join(f"{count} {kind}" for kind, count in totals.kills.items())
    flying = ", ".join(
        f"{count / max(1, totals.strikes):.1f} {state}"
        for state, count in totals.in_flight.items()
    )
    ends = ", ".join(f"{count} {name}" for name, count in totals.outcomes.items())
    return Table(
        f"campaign against {victim}",
        ("what", "how many"),
        [
            ["sessions", str(totals.sessions)],
            ["runs", str(totals.runs)],
            ["SIGKILLs", str(totals.kills.total())],
            ["ran twice", str(len(totals.doubles))],
            ["wrong or missing outcomes", str(len(totals.wrong_ends))],
            ["wrong exit codes", str(len(totals.wrong_exit_codes))],
            ["diary differs from state", str(len(totals.wrong_replays))],
            ["processes, locks, files, worktrees left", str(len(totals.left))],
            ["lines in supervisor.log", str(len(totals.log.splitlines()))],
        ],
        (
            f"seed {totals.seed}, {totals.wall_s:.0f} s",
            f"killed: {kills}; under way at a kill, on average: {flying}",
            f"outcomes: {ends}",
        ),
    )
