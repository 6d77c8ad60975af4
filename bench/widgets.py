"""Four widgets on real Kimi Code: a whole swarm beside a bare shell script."""

from __future__ import annotations

import shlex
import statistics
import subprocess
from pathlib import Path
from time import perf_counter

from bench.room import room, write_plan
from bench.tables import Cell, Table
from e2e import real_programs
from e2e.swarm_cli import Swarm, git
from fakes.scripted_model import ScriptedModel

ROUNDS = 5
AIM = 1.3
WIDGETS = ("Stats", "Chart", "Table", "Activity")
# The script sets what the profile sets, so that both run the same worker.
SCRIPT = """\
export KIMI_DISABLE_TELEMETRY=1 KIMI_CODE_NO_AUTO_UPDATE=1 KIMI_DISABLE_CRON=1
{starts}
wait
cat */src/widgets/*
"""
START = "(cd {name} && exec kimi --output-format stream-json -p {prompt} > log 2>&1) &"


def run() -> list[Table]:
    """Time both in turn; skipped with a note where the programs cannot be had."""
    columns = ("who", "wall s", "of the script", "slowest s", "landed")
    try:
        commands = real_programs.install(real_programs.cache_folder())
        versions = real_programs.versions(commands)
    except (real_programs.NotInstalledError, OSError) as error:
        return [Table("four widgets", columns, [], [f"skipped: {error}"])]
    with room(commands) as user, ScriptedModel() as model:
        user.env |= {
            "KIMI_MODEL_NAME": "scripted",
            "KIMI_MODEL_API_KEY": "scripted-key",
            "KIMI_MODEL_BASE_URL": model.url,
        }
        by = {"plain shell script": _by_script, "kimi-swarm run": _by_swarm}
        took: dict[str, list[float]] = {who: [] for who in by}
        landed = dict.fromkeys(by, 0)
        for number in range(ROUNDS + 1):
            for who, build in by.items():
                took_s, count = build(user, user.room / f"{number}")
                if number:  # the first round only warms the caches
                    took[who].append(took_s)
                    landed[who] += count
    medians = {who: statistics.median(each) for who, each in took.items()}
    script_s = medians["plain shell script"]
    rows: list[list[Cell]] = [
        [
            who,
            median_s,
            median_s / script_s,
            max(took[who]),
            f"{landed[who]}/{ROUNDS * len(WIDGETS)}",
        ]
        for who, median_s in medians.items()
    ]
    notes = (
        f"{versions}, scripted model; medians of {ROUNDS} in turn, after one to warm",
        "kimi-swarm: worktrees, evidence, commits, merge and report included",
        f"aim: at most {AIM:g} times",
    )
    return [Table("four widgets", columns, rows, notes)]


def _prompt(name: str) -> str:
    return f"Create `src/widgets/{name}.tsx` with a default-exported component {name}."


def _by_script(user: Swarm, folder: Path) -> tuple[float, int]:
    """Four background processes, each in a folder of its own, then cat."""
    room_ = folder.with_name(f"script-{folder.name}")
    for name in WIDGETS:
        (room_ / name).mkdir(parents=True)
    starts = "\n".join(
        START.format(name=name, prompt=shlex.quote(_prompt(name))) for name in WIDGETS
    )
    began = perf_counter()
    subprocess.run(
        ["sh", "-c", SCRIPT.format(starts=starts)],
        cwd=room_,
        env=user.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    took_s = perf_counter() - began
    return took_s, sum(
        (room_ / one / f"src/widgets/{one}.tsx").exists() for one in WIDGETS
    )


def _by_swarm(user: Swarm, folder: Path) -> tuple[float, int]:
    """One `run`: worktrees, supervision, evidence, commits, merge, report."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Begin")
    tasks = {name.lower(): {"prompt": _prompt(name)} for name in WIDGETS}
    plan = write_plan(
        user,
        "widgets",
        {"defaults": {"profile": "kimi"}, "repo": str(folder), "tasks": tasks},
    )
    began = perf_counter()
    user.call("run", plan, cwd=folder)
    took_s = perf_counter() - began
    merged = git(
        folder, "branch", "--list", "--format=%(refname:short)", "swarm/*/merged"
    )
    files = git(folder, "ls-tree", "-r", "--name-only", merged.strip()).split()
    return took_s, sum(f"src/widgets/{name}.tsx" in files for name in WIDGETS)
