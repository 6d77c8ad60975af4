"""Two command lines in turn, and what one costs of the other."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from bench import ROOT
from bench.clock import Spent, median_of, time_command
from bench.tables import Cell
from e2e.swarm_cli import Swarm

ROUNDS = 15
PATIENCE_S = 20.0
"""After that much time no further round is begun: a miss need not be exact."""
AIM = 1.5


class Verb(NamedTuple):
    """What to call, and on which state folder."""

    words: list[str]
    home: Path


def time_both(
    user: Swarm, python: str, large: Verb, small: Verb
) -> tuple[list[Spent], list[Spent]]:
    """Time two calls of `swarm.py` in turn, after one of each to warm the caches."""
    spent: tuple[list[Spent], list[Spent]] = ([], [])
    began = perf_counter()
    for number in range(ROUNDS + 1):
        if spent[0] and perf_counter() - began > PATIENCE_S:
            break
        for verb, rounds in zip((large, small), spent, strict=True):
            env = {**user.env, "KIMI_SWARM_HOME": str(verb.home)}
            argv = [python, str(ROOT / "skill" / "swarm.py"), *verb.words]
            took = time_command(argv, env)
            if number:
                rounds.append(took)
    return spent


def ratios(large: list[Spent], small: list[Spent]) -> list[Cell]:
    """Return both walls in ms, and the ratios: wall, processor time, fastest wall."""
    mine, other = median_of(large), median_of(small)
    return [
        mine.wall_s * 1000,
        other.wall_s * 1000,
        mine.wall_s / other.wall_s,
        mine.cpu_s / other.cpu_s,
        min(large).wall_s / min(small).wall_s,
    ]
