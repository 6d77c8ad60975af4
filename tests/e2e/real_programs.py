"""The real programs of the end-to-end tests: brought from npm once, then reused."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WANTED = Path(__file__).parent / "programs"
LOCK = WANTED / "package-lock.json"
STEP_LIMIT_S = 600


class NotInstalledError(Exception):
    """Raised when the programs cannot be had; says in a sentence what went wrong."""


def cache_folder() -> Path:
    """Return the folder that keeps the programs between sessions."""
    usual = Path.home() / ".cache" / "kimi-swarm-e2e"
    return Path(os.environ.get("KIMI_SWARM_E2E_CACHE") or usual)


def has_npm() -> bool:
    """Whether npm, and the Node it runs on, are there at all."""
    return bool(shutil.which("npm") and shutil.which("node"))


def install(cache: Path) -> Path:
    """Return the folder of commands, installing what the lock file says if need be.

    Built aside and renamed, under a lock; raises NotInstalledError.
    """
    name = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = cache / f"programs-{name}"
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache / "lock"):
        if not folder.exists():
            _build(aside := cache / f"programs-{name}.new")
            aside.rename(folder)
    return folder / "node_modules" / ".bin"


def versions(commands: Path) -> str:
    """Ask each program for its version; raises NotInstalledError."""
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": f"{commands}:/usr/bin:/bin", "HOME": home}
        said = {
            name: _step([str(commands / name), "--version"], commands, env).strip()
            for name in ("node", "kimi")
        }
    return ", ".join(f"{name} {version}" for name, version in said.items())


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WANTED / name, folder)
    env = {**os.environ, "npm_config_update_notifier": "false"}
    # Kimi Code's optional native parts would want a compiler; it works without them.
    npm_ci = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _step(npm_ci, folder, env)
    # The one script that is wanted: it brings Node's binary for this machine.
    node = folder / "node_modules" / "node"
    _step(["node", "installArchSpecificPackage.js"], node, env)
    commands = folder / "node_modules" / ".bin"
    (commands / "node").unlink(missing_ok=True)
    (commands / "node").symlink_to("../node/bin/node")
    versions(commands)


def _step(argv: list[str], folder: Path, env: dict[str, str]) -> str:
    what = f"`{' '.join(argv[:2])}`"
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=STEP_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(f"{what} did not run: {error}.") from error
    if done.returncode:
        said = done.stderr.splitlines()
        errors = [line for line in said if line.startswith("npm error")]
        first = " | ".join((errors or said)[:4])
        raise NotInstalledError(f"{what} ended with {done.returncode}: {first}")
    return done.stdout
