"""Verbs that are called often, each against a bare start of the same interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench import ROOT
from bench.clock import Spent, median_of, time_command
from bench.room import room
from bench.tables import Cell, Table
from e2e.swarm_cli import Swarm

ROUNDS = 30
AIM = 3.0
SHOWN_IMPORTS = 25
BASELINE = "python3 -c pass"


def run() -> list[Table]:
    """Time each verb and a bare start in turn, on two kinds of interpreter."""
    with room() as user:
        run_id = finished_tour(user)
        return [
            _side_by_side(user, run_id, title, python)
            for title, python in interpreters(user).items()
        ]


def run_imports() -> list[Table]:
    """Show what each verb imports that a bare start does not, dearest first."""
    with room() as user:
        run_id = finished_tour(user)
        python = interpreters(user)["bare interpreter"]
        return [
            _imports(user, verb, [python, "-X", "importtime", str(_script()), *words])
            for verb, words in verbs(run_id).items()
        ]


def finished_tour(user: Swarm) -> str:
    """Run the tour to its end; return its id."""
    user.call("run", ROOT / "examples" / "tour.yaml")
    return str(user.ask("list")["runs"][0]["run"])


def interpreters(user: Swarm) -> dict[str, str]:
    """Return the real interpreter, and the same one without any site-packages.

    What is installed beside an interpreter may run at each of its starts (.pth files)
    and would flatter the ratio.
    """
    real = str(Path(sys.executable).resolve())
    bare = user.room / "bare"
    subprocess.run([real, "-I", "-m", "venv", "--without-pip", bare], check=True)
    return {"bare interpreter": str(bare / "bin" / "python3"), "as installed": real}


def verbs(run_id: str) -> dict[str, list[str]]:
    """Return the command line of each hot verb on a finished run."""
    session = f"{run_id}/page"
    return {
        "list": ["list"],
        "list --json": ["list", "--json"],
        "list RUN": ["list", run_id],
        "poll RUN": ["poll", run_id],
        "poll SESSION": ["poll", session],
        "log SESSION": ["log", session],
        "wait RUN": ["wait", run_id],
        "kill RUN": ["kill", run_id],
    }


def _script() -> Path:
    return ROOT / "skill" / "swarm.py"


def _side_by_side(user: Swarm, run_id: str, title: str, python: str) -> Table:
    lines = {
        verb: [python, str(_script()), *words] for verb, words in verbs(run_id).items()
    }
    lines = {BASELINE: [python, "-c", "pass"], **lines}
    spent: dict[str, list[Spent]] = {name: [] for name in lines}
    for _ in range(ROUNDS):
        for name, argv in lines.items():
            spent[name].append(time_command(argv, user.env))
    medians = {name: median_of(rounds) for name, rounds in spent.items()}
    fastest = {name: min(rounds) for name, rounds in spent.items()}
    rows: list[list[Cell]] = [
        [
            name,
            median.wall_s * 1000,
            median.wall_s / medians[BASELINE].wall_s,
            median.cpu_s * 1000,
            median.cpu_s / medians[BASELINE].cpu_s,
            fastest[name].wall_s / fastest[BASELINE].wall_s,
        ]
        for name, median in medians.items()
    ]
    columns = ("verb", "wall ms", "ratio", "CPU ms", "CPU ratio", "fastest, ratio")
    notes = (f"{ROUNDS} interleaved runs each, medians; aim: at most {AIM:g} times",)
    return Table(f"hot verbs, {title}", columns, rows, notes)


def _imports(user: Swarm, verb: str, argv: list[str]) -> Table:
    """Read `-X importtime`: self us | cumulative us | module."""
    bare = {
        module
        for module, _, _ in _timed([argv[0], "-X", "importtime", "-c", "pass"], user)
    }
    found = [each for each in _timed(argv, user) if each[0] not in bare]
    found.sort(key=lambda each: each[1], reverse=True)
    rows: list[list[Cell]] = [
        [name, self_us / 1000, all_us / 1000]
        for name, self_us, all_us in found[:SHOWN_IMPORTS]
    ]
    total_ms = sum(self_us for _, self_us, _ in found) / 1000
    notes = (
        f"{len(found)} modules beyond a bare start, {total_ms:.1f} ms while traced",
    )
    return Table(
        f"imports of {verb}", ("module", "self ms", "with inner ms"), rows, notes
    )


def _timed(argv: list[str], user: Swarm) -> list[tuple[str, int, int]]:
    done = subprocess.run(
        argv, env=user.env, capture_output=True, text=True, check=True
    )
    lines = (
        line.removeprefix("import time:").split("|")
        for line in done.stderr.splitlines()
    )
    return [
        (name.strip(), int(self_us), int(all_us))
        for self_us, all_us, name in (line for line in lines if len(line) == 3)
        if self_us.strip().isdigit()
    ]
