"""Light verbs stay light: what they import, and what they do when they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import RUN, life, moved, written

HEAVY = (
    "pydantic", "yaml", "jinja2", "anyio", "asyncio", "rich", "dataclasses", "pathlib",
    "subprocess", "inspect", "typing_extensions",
)  # fmt: skip
HOT = (
    "kimi_swarm.cli.hot",
    "kimi_swarm.actions.list",
    "kimi_swarm.actions.poll",
    "kimi_swarm.actions.log",
    "kimi_swarm.actions.wait",
    "kimi_swarm.actions.kill",
    "kimi_swarm.store.views",
    "kimi_swarm.store.wishes",
    "kimi_swarm.store.database",
    "kimi_swarm.process.bell",
    "kimi_swarm.core.names",
    "kimi_swarm.location",
)
TELL = f"""
import json, sys
sys.stderr.write(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def imported_by(code: str, home: Path) -> list[str]:
    """Return the heavy modules that a fresh interpreter without site holds after."""
    skill = next(
        path for path in sys.path if Path(path, "kimi_swarm", "location.py").exists()
    )
    ended = subprocess.run(
        [sys.executable, "-S", "-B", "-c", code + TELL],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": skill,
            "KIMI_SWARM_HOME": str(home),
        },
    )
    found: list[str] = json.loads(ended.stderr)
    return found


@pytest.mark.parametrize("module", HOT)
def test_importing_brings_nothing_heavy(module: str, tmp_path: Path):
    assert imported_by(f"import {module}", tmp_path) == []


@pytest.mark.parametrize(
    "argv",
    [
        ["list"],
        ["list", "--json"],
        ["list", RUN],
        ["poll", RUN, "--as", "anna"],
        ["poll", f"{RUN}/header"],
        ["log", f"{RUN}/header"],
        ["wait", RUN],
        ["wait", RUN, "--json"],
        ["kill", RUN],
    ],
    ids=" ".join,
)
def test_running_over_what_is_done_brings_nothing_heavy(
    argv: list[str], tmp_path: Path
):
    with closing(written(tmp_path, "header")) as connection:
        moved(connection, f"{RUN}/header", *life())
    code = f"from kimi_swarm.cli.hot import main; assert main({argv!r}) == 0"
    assert imported_by(code, tmp_path) == []
    assert not (tmp_path / "supervisor.lock").exists()


def test_asking_where_nothing_is_brings_nothing_heavy(tmp_path: Path):
    code = "from kimi_swarm.cli.hot import main; assert main(['list']) == 0"
    assert imported_by(code, tmp_path / "home") == []
    assert not (tmp_path / "home").exists()
