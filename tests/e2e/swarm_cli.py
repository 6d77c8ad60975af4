"""kimi-swarm as a user has it: a fresh copy of the tree, run as a command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
# What a machine may need to reach its package index; everything else is left out.
INDEX_SETTINGS = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "HTTP", "HTTPS", "NO_PROXY")
CALL_LIMIT_S = 180.0
IDLE_LIMIT_S = 30.0
"""How long the supervisor may take to see that nothing is left to do, and end."""


class Done(NamedTuple):
    """How one command ended, and what it printed."""

    code: int
    out: str
    err: str
    took_s: float


class Process(NamedTuple):
    """A process that belongs to a test, as the process table shows it."""

    pid: int
    command: str


def copy_tree(folder: Path) -> Path:
    """Copy what a commit would hold now, and nothing else, to a new folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        source, target = ROOT / name, folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def bare_environment(home: Path, *commands: Path) -> dict[str, str]:
    """Return the environment of a user with nothing set up: no identity, no uv."""
    system = (BASE_PYTHON.parent, Path("/usr/bin"), Path("/bin"))
    path = [*commands, *(one for one in system if not (one / "uv").exists())]
    index = {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(INDEX_SETTINGS)
    }
    return {
        **index,
        "HOME": str(home),
        "PATH": os.pathsep.join(map(str, path)),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


def git(folder: Path, *words: str) -> str:
    """Run git as a tester with an identity; gives what it printed."""
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.invalid"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


class Swarm:
    """One user's kimi-swarm: a room of their own, and an environment.

    `room` is the folder under which everything of this user lives; every process that
    works there, or names it in its words or variables, is held to be this user's.
    """

    def __init__(self, tree: Path, room: Path, env: Mapping[str, str]) -> None:
        self.tree = tree
        self.room = room
        self.env = dict(env)
        usual = Path(env["HOME"]) / ".local" / "state" / "kimi-swarm"
        self.state = Path(env.get("KIMI_SWARM_HOME") or usual)

    def call(
        self,
        *words: str | Path,
        code: int | None = 0,
        cwd: Path | None = None,
        limit_s: float = CALL_LIMIT_S,
        **env: str,
    ) -> Done:
        """Run one command to its end; `code` is the exit code that is asserted."""
        began = time.monotonic()
        done = subprocess.run(
            [BASE_PYTHON, self.tree / "skill" / "swarm.py", *words],
            cwd=cwd or self.room,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            check=False,
        )
        took_s = time.monotonic() - began
        result = Done(done.returncode, done.stdout, done.stderr, took_s)
        assert "Traceback" not in done.stderr, result
        assert code in (None, done.returncode), f"{words}: {result}"
        return result

    def ask(self, *words: str | Path, **more: Any) -> dict[str, Any]:
        """Run one command with `--json` and return the object it printed."""
        answer = json.loads(self.call(*words, "--json", **more).out)
        assert answer["version"] == 1
        return dict(answer)

    def spawn(self, plan: Path, **more: Any) -> str:
        """Start a plan, from its own folder; gives the run's id."""
        return str(self.ask("spawn", plan, cwd=plan.parent, **more)["run"])

    def ended(self, run: str, **more: Any) -> dict[str, dict[str, Any]]:
        """Wait until a run has ended; gives its newest sessions by task."""
        self.call("wait", run, "--timeout-s", str(CALL_LIMIT_S), code=None, **more)
        return self.sessions(run)

    def sessions(self, run: str) -> dict[str, dict[str, Any]]:
        """Return a run's newest session of each task, by the task's name."""
        listed = sorted(
            self.ask("list", run)["sessions"], key=lambda one: one["attempt"]
        )
        return {one["task"]: one for one in listed}

    def processes(self) -> list[Process]:
        """Find every living process that works in the room or has it in its words."""
        mark = os.fsencode(self.room)
        found = (_process(int(one.name), mark) for one in _process_table())
        return [one for one in found if one]

    def complaints(self) -> str:
        """Return what the supervisor wrote because nobody else could be told."""
        log = self.state / "supervisor.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def end(self) -> list[Process]:
        """End everything, at last by force; gives the processes that needed force."""
        if self.state.exists():
            self.call("kill", "--all", code=None)
        limit = time.monotonic() + IDLE_LIMIT_S
        while (left := self.processes()) and time.monotonic() < limit:
            time.sleep(0.05)
        for one in left:
            try:
                os.kill(one.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return left


def _process_table() -> list[Path]:
    return [one for one in Path("/proc").iterdir() if one.name.isdigit()]


def _process(pid: int, mark: bytes) -> Process | None:
    folder = Path("/proc") / str(pid)
    try:
        words = (folder / "cmdline").read_bytes()
        seen = (
            words,
            (folder / "environ").read_bytes(),
            os.fsencode((folder / "cwd").readlink()),
        )
    except OSError:  # it ended, or is another user's
        return None
    if pid == os.getpid() or not words or not any(mark in one for one in seen):
        return None  # a zombie has no words: it has ended
    return Process(pid, os.fsdecode(words).replace("\0", " ").strip())
