"""The real programs of the end-to-end tests: brought once, then reused.

From npm: the host, Kilo, Kimi Code, and the Node they run on. From the Python package
index: kimi-cli and the validator of skills, each into an environment of its own, where
there is a Python for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

WANTED = Path(__file__).parent / "programs"
LOCK = WANTED / "package-lock.json"
KIMI_CLI_PYTHONS = ("3.13", "3.12", "3.14")
FROM_NPM = ("node", "kimi", "kilo")
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


def find_python() -> Path | None:
    """Return a Python that kimi-cli runs on: from PATH, or one that pyenv keeps."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = (
        place
        for minor in KIMI_CLI_PYTHONS
        for place in (
            *sorted(pyenv.glob(f"{minor}.*/bin/python3")),
            *(Path(one) for one in [shutil.which(f"python{minor}")] if one),
        )
    )
    return next((one for one in found if _makes_environments(one)), None)


def install_python_program(name: str, cache: Path, python: Path) -> Path:
    """Return a folder that holds the command `name` and nothing else, from its lock.

    Built under a lock; an environment cannot be moved, so a last file says that it is
    whole. Raises NotInstalledError.
    """
    lock = WANTED / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = cache / f"{name}-{digest}"
    commands = folder / "commands"
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache / "lock"):
        if not commands.exists():
            _build_python_program(name, folder, python)
            (aside := folder / "commands.new").mkdir()
            # Not all that came along: kimi-cli's other name, `kimi`, is Kimi Code's.
            (aside / name).symlink_to(folder / "bin" / name)
            aside.rename(commands)
    return commands


def versions(commands: Path, names: Sequence[str] = FROM_NPM) -> str:
    """Ask programs for their versions; raises NotInstalledError."""
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": f"{commands}:/usr/bin:/bin", "HOME": home}
        said = {
            name: _step([str(commands / name), "--version"], commands, env)
            for name in names
        }
    numbers = {name: text.split()[-1] for name, text in said.items()}
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


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


def _build_python_program(name: str, folder: Path, python: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    env = dict(os.environ)
    _step([str(python), "-I", "-m", "venv", str(folder)], WANTED, env)
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet"]
    exactly = ["--disable-pip-version-check", "--require-hashes", "--no-deps"]
    _step([*pip, *exactly, "-r", str(WANTED / f"{name}.lock")], WANTED, env)
    versions(folder / "bin", [name])


def _makes_environments(python: Path) -> bool:
    ask = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))"
    try:
        _step([str(python), "-I", "-c", ask], WANTED, dict(os.environ))
    except NotInstalledError:
        return False
    return True


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
