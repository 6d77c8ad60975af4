"""Timing processes from outside: wall time, and the processor time they used."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """What one command took; `cpu_s` is its own and its waited-for children's."""

    wall_s: float
    cpu_s: float


def time_command(argv: list[str], env: Mapping[str, str]) -> Spent:
    """Run a command with its output thrown away; raises RuntimeError if it fails."""
    null = os.open(os.devnull, os.O_RDWR)
    onto_null = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1)]
    began = perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=onto_null)
    _, status, usage = os.wait4(pid, 0)
    wall_s = perf_counter() - began
    os.close(null)
    if status:
        message = f"{argv} ended with {os.waitstatus_to_exitcode(status)}"
        raise RuntimeError(message)
    return Spent(wall_s, usage.ru_utime + usage.ru_stime)


def median_of(rounds: Sequence[Spent]) -> Spent:
    """Return the median of each column."""
    return Spent(*map(statistics.median, zip(*rounds, strict=True)))


def cpu_s_of(pid: int) -> float:
    """Return the processor time a live process has used, children not counted."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_kib(pid: int) -> dict[str, int]:
    """Return the memory of a live process by kind (Pss, Private_Dirty ...) in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
    }
