"""The same short jobs by the queues people have: task-spooler and GNU parallel."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

SPOOL = """\
set -eu
tsp -S {cap}
for number in $(seq {count}); do tsp {command} > ids; done
last=$(cat ids)
for number in $(seq $((last - {cap} + 1)) "$last"); do tsp -w "$number"; done
"""
PARALLEL = "seq {count} | parallel --will-cite -j {cap} -n 0 {command}"


class Job(NamedTuple):
    """A command to be run `times` times, at most `cap` at once."""

    argv: list[str]
    times: int
    cap: int


def time_floor(job: Job, _folder: Path) -> float:
    """Start and reap the same processes with nothing around them, in one loop."""
    program = shutil.which(job.argv[0]) or job.argv[0]
    began = perf_counter()
    live = 0
    for _ in range(job.times):
        if live == job.cap:
            os.wait()
            live -= 1
        os.posix_spawn(program, job.argv, os.environ)
        live += 1
    for _ in range(live):
        os.wait()
    return perf_counter() - began


def time_spooler(job: Job, folder: Path) -> float | None:
    """Queue one by one with task-spooler, as it is used; None where it is missing."""
    if not shutil.which("tsp"):
        return None
    env = {**os.environ, "TS_SOCKET": str(folder / "tsp"), "TMPDIR": str(folder)}
    try:
        return _time_shell(SPOOL, job, folder, env)
    finally:
        subprocess.run(["tsp", "-K"], env=env, check=False)


def time_parallel(job: Job, folder: Path) -> float | None:
    """Feed all to one GNU parallel; None where it is missing."""
    if not shutil.which("parallel"):
        return None
    return _time_shell(PARALLEL, job, folder, {**os.environ, "HOME": str(folder)})


def _time_shell(script: str, job: Job, folder: Path, env: dict[str, str]) -> float:
    text = script.format(command=" ".join(job.argv), count=job.times, cap=job.cap)
    began = perf_counter()
    subprocess.run(["sh", "-c", text], cwd=folder, env=env, check=True)
    return perf_counter() - began


PEERS = {
    "no supervision at all": time_floor,
    "task-spooler": time_spooler,
    "GNU parallel": time_parallel,
}
