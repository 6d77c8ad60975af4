"""kimi-swarm as a command, on a state folder of its own, with nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fakes.repos import make_repository

ROOT = Path(__file__).resolve().parents[2]
WORKERS = Path(__file__).parent / "workers"
LIMIT_S = 60.0
"""How long anything may take before it is held for stuck: machines can be busy."""
T = TypeVar("T")


class Done(NamedTuple):
    """How one command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def until(wish: Callable[[], T], *, limit_s: float = LIMIT_S) -> T:
    """Look until a wish comes true, and return what it gave; fail after a while."""
    deadline = time.monotonic() + limit_s
    while not (got := wish()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {wish}")
        time.sleep(0.01)
    return got


def copy_of_the_product(folder: Path) -> Path:
    """Copy code, manifest and prompts, so that running leaves nothing beside them."""
    for name in ("skill/kimi_swarm", "prompts"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "manifest.yaml", folder / "manifest.yaml")
    return folder / "skill"


def worker(name: str, *words: object) -> list[str]:
    """Return the argv of a wicked worker by its name."""
    path = WORKERS / name
    runner = [sys.executable, "-I", "-S"] if path.suffix == ".py" else ["/bin/sh"]
    return [*runner, str(path), *map(str, words)]


class Swarm:
    """One user: a state folder, an environment, a repository to work on."""

    def __init__(self, code: Path, folder: Path, *, home: Path | None = None) -> None:
        self.folder = folder
        self.home = home or folder / "state"
        (folder / "home").mkdir(exist_ok=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "KIMI_SWARM_HOME": str(self.home),
            "PYTHONPATH": str(code),
            "GIT_CONFIG_NOSYSTEM": "1",
            # No address: should a real Kilo be on PATH, no provider is asked.
            "KILO_GATEWAY_URL": "none",
        }
        self.command = [sys.executable, "-m", "kimi_swarm"]
        self._plans = 0

    def repository(self, files: Mapping[str, str] | None = None) -> Path:
        """Make the repository that plans work on, if it is not there yet."""
        path = self.folder / "repo"
        if not path.exists():
            make_repository(path, files or {"README.md": "# Start\n"})
        return path

    def plan(self, tasks: Mapping[str, Any], **fields: Any) -> Path:
        """Write a plan file (JSON is YAML) beside the others."""
        self._plans += 1
        path = self.folder / f"plan-{self._plans}.yaml"
        if (self.folder / "repo").exists():
            fields = {"repo": "repo", **fields}
        path.write_text(json.dumps({"tasks": tasks, **fields}), "utf-8")
        return path

    def own_profile(self, name: str, **fields: Any) -> None:
        """Write a profile into the user's configuration, where it wins over ours."""
        folder = self.folder / "home" / ".config" / "kimi-swarm" / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(json.dumps(fields), "utf-8")

    def teach(self, name: str, argv: list[str], **fields: Any) -> None:
        """Make a worker that speaks the swarm dialect a profile of this user's."""
        interpreter, *words = argv
        own = {
            "summary": "Made for a test.",
            "kind": "cli",
            "program": interpreter,
            "argv": words,
            "prompt_via": "stdin",
            "dialect": "swarm",
            "sends_to": "Nothing leaves the machine.",
        }
        self.own_profile(name, **{**own, **fields})

    def own_config(self, **fields: Any) -> None:
        """Write the user's own `config.yaml`."""
        folder = self.folder / "home" / ".config" / "kimi-swarm"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(json.dumps(fields), "utf-8")

    def impatient_commands(self) -> None:
        """Let commands have half a second to end by themselves, not five."""
        self.own_profile(
            "command",
            summary="Ends soon.",
            kind="command",
            prompt_via="none",
            merge_stderr=True,
            expect="exit",
            grace_s=0.5,
            sends_to="Nothing.",
        )

    def start(
        self,
        *words: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> subprocess.Popen[str]:
        """Start one command and return it running, its output in pipes."""
        return subprocess.Popen(
            [*self.command, *map(str, words)],
            cwd=cwd or self.folder,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            **more,
        )

    def call(
        self,
        *words: object,
        code: int | None = 0,
        limit_s: float = LIMIT_S,
        **more: Any,
    ) -> Done:
        """Run one command to its end; `code` is the exit code that is asserted."""
        with self.start(*words, **more) as process:
            out, err = process.communicate(timeout=limit_s)
        done = Done(process.returncode, out, err)
        assert "Traceback" not in err, err
        assert code in (None, done.code), (words, done)
        return done

    def ask(self, *words: object, code: int | None = 0, **more: Any) -> dict[str, Any]:
        """Run one command with `--json` and return the one object it printed."""
        done = self.call(*words, "--json", code=code, **more)
        answer = json.loads(done.out)
        assert answer["version"] == 1
        return dict(answer)

    def spawn(self, tasks: Mapping[str, Any], **fields: Any) -> str:
        """Write a plan, start it, and return the run's id."""
        return str(self.ask("spawn", self.plan(tasks, **fields))["run"])

    def sessions(self, run: str) -> dict[str, dict[str, Any]]:
        """Return a run's sessions by task."""
        return {one["task"]: one for one in self.ask("list", run)["sessions"]}

    def ended(self, run: str) -> dict[str, dict[str, Any]]:
        """Wait until a run has ended; return its sessions by task."""
        seen = self.ask("wait", run, "--timeout-s", LIMIT_S - 5, code=None)
        assert not seen["timed_out"], seen
        return {one["task"]: one for one in seen["sessions"]}

    def until_state(self, session: str, state: str) -> dict[str, Any]:
        """Wait until a session is in a state; return it."""
        run, task = session.split("/")

        def look() -> dict[str, Any] | None:
            one = self.sessions(run)[task]
            return one if one["state"] == state else None

        return until(look) or {}

    def processes(self) -> list[int]:
        """Return every live process that names this user's folder or works in it."""
        mark = os.fsencode(self.folder)
        home = os.fsencode(self.home)
        return [pid for pid in process_table() if _belongs(pid, (mark, home))]

    def supervisors(self) -> list[int]:
        """Return the supervisors of this state folder."""
        return [
            pid
            for pid in self.processes()
            if b"kimi_swarm.supervisor" in _read(pid, "cmdline")
        ]

    def supervisor(self) -> int:
        """Wait until there is exactly one supervisor; return it."""

        def look() -> int | None:
            # While it becomes a daemon there are two for a moment.
            found = self.supervisors()
            return found[0] if len(found) == 1 else None

        return until(look) or 0

    def kill_supervisor(self) -> int:
        """End the supervisor by force, and see it and its zygote gone."""
        pid = self.supervisor()
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_live(pid))
        return pid

    def kill_shim(self, session: str) -> None:
        """End a session's shim by force, as soon as it has said who it is."""
        run, _, task = session.partition("/")
        record = self.home / "runs" / run / task / "work" / "shim.json"
        until(record.exists)
        os.kill(json.loads(record.read_text("utf-8"))["pid"], signal.SIGKILL)

    def sql(self, statement: str) -> None:
        """Change the store behind everybody's back, as time or a defect would."""
        with closing(sqlite3.connect(self.home / "state.db", timeout=LIMIT_S)) as store:
            store.execute(statement)
            store.commit()

    def rows(self, statement: str) -> list[Any]:
        """Read from the store behind everybody's back."""
        with closing(sqlite3.connect(self.home / "state.db", timeout=LIMIT_S)) as store:
            return store.execute(statement).fetchall()

    def log_of_supervisor(self) -> str:
        """Return what the supervisor wrote that nobody else could be told."""
        path = self.home / "supervisor.log"
        return path.read_text("utf-8") if path.exists() else ""

    def close(self) -> None:
        """End what runs; fail if anything outlived that or the supervisor failed."""
        if (self.home / "state.db").exists() and self.ask("list")["runs"]:
            self.call("kill", "--all")
        for pid in self.supervisors():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not self.processes())
        assert self.log_of_supervisor() == ""


def process_table() -> list[int]:
    """Return the numbers of all processes."""
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def is_live(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    stat = _read(pid, "stat")
    return bool(stat) and stat[stat.rindex(b")") + 2 :][:1] not in (b"Z", b"X")


def with_session(session: str) -> list[int]:
    """Return every live process that carries a session's id."""
    mark = f"KIMI_SWARM_SESSION={session}\0".encode()
    return [
        pid for pid in process_table() if mark in _read(pid, "environ") and is_live(pid)
    ]


def _belongs(pid: int, marks: tuple[bytes, ...]) -> bool:
    if pid == os.getpid() or not is_live(pid):
        return False
    try:
        cwd = os.fsencode(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return False
    seen = (cwd, _read(pid, "cmdline"), _read(pid, "environ"))
    return any(mark in one for one in seen for mark in marks)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""
