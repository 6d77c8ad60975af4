"""The private Python environment: named for interpreter and lock, built once."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from launcher.problem import Problem

PROBE_LIMIT_S = 20
# A user's own pip settings that would send the packages somewhere else.
MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON")


class Build(NamedTuple):
    """One build: the folder made aside, the lock file's path, and the log's path.

    `held` is the descriptor whose lock says that somebody builds.
    """

    aside: str
    lock_path: str
    log_path: str
    held: int


def environment_name(tag: str, lock: bytes) -> str:
    """Return the environment's folder name: interpreter tag, and hash of the lock."""
    return f"{tag}-{hashlib.sha256(lock).hexdigest()[:16]}"


def build_environment(env: str, lock: bytes) -> None:
    """Build the environment at `env`, or wait for the call that is building it.

    `lock` is the content of a requirements file. Built aside and renamed, so that what
    is there is whole. Raises Problem, and OSError when the cache takes no files.
    """
    os.makedirs(os.path.dirname(env), exist_ok=True)
    with only_one(f"{env}.lock") as held:
        if os.path.exists(os.path.join(env, "bin", "python")):
            return
        build = Build(f"{env}.new", f"{env}.requirements", f"{env}.log", held)
        for leftover in (build.aside, env):  # of a killed build; of a Python since gone
            shutil.rmtree(leftover, ignore_errors=True)
        with open(build.lock_path, "wb") as file:
            file.write(lock)
        start = time.monotonic()
        say("first use: building its Python environment (about 10 s) ...")
        with open(build.log_path, "wb"):
            pass
        install(build)
        os.rename(build.aside, env)
        say(f"environment ready after {time.monotonic() - start:.0f} s")


@contextmanager
def only_one(path: str) -> Iterator[int]:
    """Hold the lock file at `path`, telling the user if another call has it.

    Gives the descriptor that holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another call is building the Python environment; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def install(build: Build) -> None:
    """Make the environment with uv if there is one, else with venv and pip."""
    with_uv = find_uv() and install_with_uv(build)
    if not with_uv:
        shutil.rmtree(build.aside, ignore_errors=True)
        install_with_pip(build)


def find_uv() -> bool:
    """Return whether a `uv` on PATH really runs."""
    try:
        done = subprocess.run(
            ["uv", "--version"],  # noqa: S607 - the user's own, from PATH
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def install_with_uv(build: Build) -> bool:
    """Return whether uv made the environment; pip may still do when it could not."""
    python = os.path.join(build.aside, "bin", "python")
    made = ["uv", "venv", "--no-project", "--python", sys.executable, build.aside]
    sync = ["uv", "pip", "sync", "--require-hashes", "--python", python]
    return run(build, made) == 0 and run(build, [*sync, build.lock_path]) == 0


def install_with_pip(build: Build) -> None:
    """Make the environment with the standard library and pip; raises Problem."""
    missing = [m for m in ("venv", "ensurepip") if not importlib.util.find_spec(m)]
    if missing:
        raise no_venv(missing[0])
    if run(build, [sys.executable, "-I", "-m", "venv", build.aside]) != 0:
        raise failed(build, "create its Python environment")
    python = os.path.join(build.aside, "bin", "python")
    pip = [python, "-I", "-m", "pip", "install", "--require-hashes", "--no-deps"]
    if run(build, [*pip, "-r", build.lock_path]) != 0:
        raise failed(build, "install its Python packages")


def run(build: Build, words: list[str]) -> int:
    """Run one step with its output in the log, and return its exit code."""
    with open(build.log_path, "ab") as log:
        log.write(os.fsencode(f"$ {' '.join(words)}\n"))
        log.flush()
        try:
            return subprocess.run(
                words,
                cwd=os.path.dirname(build.aside),  # not a project with its own settings
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # If we are killed, a step that goes on keeps the next build waiting.
                pass_fds=[build.held],
                check=False,
            ).returncode
        except OSError as error:  # as a shell does for what it cannot start
            log.write(f"error: {error}\n".encode("utf-8", "replace"))
            return 126


def clean_environment() -> dict[str, str]:
    """Return our variables without those that would lead Python or pip astray."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in MISLEADING
    }
    return {**kept, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def say(text: str) -> None:
    """Tell the waiting user one short line, if anybody still reads."""
    with suppress(OSError):
        print(f"kimi-swarm: {text}", file=sys.stderr, flush=True)


def no_venv(module: str) -> Problem:
    """Return the problem of a Python without venv or ensurepip, as Debian packs it."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return Problem(
        "venv_missing",
        f"{sys.executable} has no {module} module.",
        f"On Debian or Ubuntu install the package python3-venv (or {name}-venv),"
        " or install uv.",
    )


def failed(build: Build, what: str) -> Problem:
    """Return the problem of a step that failed, with the last thing it said."""
    with open(build.log_path, "rb") as log:
        lines = [
            line.strip() for line in log.read().decode(errors="replace").split("\n")
        ]
    errors = [line for line in lines if line.lower().startswith("error")]
    said = (errors or [line for line in lines if line] or ["nothing was said"])[-1]
    return Problem(
        "environment_failed",
        f"Could not {what}: {said[:200]}",
        "Check the network and your package index settings and call again;"
        f" the full log is {build.log_path}.",
    )
