"""When this interpreter will not do: go on in a newer one, or say what is missing.

Parses and runs on Python 3.6.
"""

import os
import subprocess
import sys

from launcher.problem import Problem, not_runnable, tell

NAMES = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
PROBE = "import sys; print(sys.executable); sys.exit(sys.version_info < (3, 11))"
PROBE_LIMIT_S = 20
DOWNLOAD_LIMIT_S = 600


def go_on(cache: str, script: str, argv: "list[str]") -> int:
    """Run the launcher again in a Python that fits, or say why not and return 2."""
    if os.name != "posix":
        return tell(not_posix(), argv)
    if not cache:
        return tell(no_home(), argv)
    python = newer_python(os.path.join(cache, "python"))
    if not python:
        return tell(too_old(), argv)
    try:
        os.execv(python, [python, script, *argv])  # noqa: S606 - no shell is wanted
    except OSError as error:
        return tell(not_runnable(python, error), argv)


def newer_python(memory: str) -> str:
    """Return the path of a Python 3.11 or newer, or "".

    `memory` is a file that keeps the answer for the next call.
    """
    python = fitting(recalled(memory)) or on_path() or from_uv()
    try:
        os.makedirs(os.path.dirname(memory), exist_ok=True)
        with open(memory, "wb") as file:
            file.write(os.fsencode(python))
    except OSError:
        pass  # only the speed of the next call is lost
    return python


def recalled(memory: str) -> str:
    """Return the interpreter found last time, or ""."""
    try:
        with open(memory, "rb") as file:
            return os.fsdecode(file.read())
    except OSError:
        return ""


def fitting(candidate: str) -> str:
    """Return the real path of `candidate` if it runs and is new enough, else ""."""
    # A pyenv shim exists for versions that are not active, and then fails.
    return answer([candidate, "-I", "-c", PROBE], PROBE_LIMIT_S) if candidate else ""


def on_path() -> str:
    """Return the first fitting interpreter among all that PATH offers, or ""."""
    for name in NAMES:
        for folder in os.get_exec_path():
            candidate = os.path.join(folder, name)
            if os.access(candidate, os.X_OK):
                python = fitting(candidate)
                if python:
                    return python
    return ""


def from_uv() -> str:
    """Return an interpreter `uv` has or fetches, or "" without uv."""
    python = answer(["uv", "python", "find", ">=3.11"], PROBE_LIMIT_S)
    if python and fitting(python):
        return python
    if not answer(["uv", "--version"], PROBE_LIMIT_S):
        return ""
    print("kimi-swarm: asking uv for Python 3.11 or newer ...", file=sys.stderr)
    words = ["uv", "run", "--no-project", "--python", ">=3.11"]
    return answer([*words, "python", "-I", "-c", PROBE], DOWNLOAD_LIMIT_S)


def answer(words: "list[str]", limit_s: int) -> str:
    """Return the last line of a program that succeeds within `limit_s`, else ""."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = os.fsdecode(done.stdout).strip().splitlines()
    return lines[-1] if lines and done.returncode == 0 else ""


def too_old() -> Problem:
    """Return the problem of a machine without a Python that fits."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Problem(
        "python_too_old",
        f"This is Python {version}, and no Python 3.11 or newer is on PATH.",
        "Install Python 3.11 or newer, or uv, from your package manager.",
    )


def no_home() -> Problem:
    """Return the problem of a user without a home folder."""
    return Problem(
        "no_cache_folder",
        "There is no home folder to keep the cache in.",
        "Set KIMI_SWARM_CACHE to a folder you may write to.",
    )


def not_posix() -> Problem:
    """Return the problem of a system we do not run on yet."""
    return Problem(
        "unsupported_system",
        "Windows itself is not supported yet.",
        "Use kimi-swarm inside WSL.",
    )
