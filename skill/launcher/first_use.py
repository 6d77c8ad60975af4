"""Make what a call needs and the cache lacks: the code copy and the environment."""

from __future__ import annotations

import os
import subprocess
import sys

from launcher.code_copy import CodeCopy, lay_code, remember
from launcher.environment import build_environment, environment_name
from launcher.problem import Problem, cache_not_writable, tell

AHEAD = "--prepare"


def prepare(
    cache: str, root: str, tag: str, argv: list[str], *, is_hot: bool, extra: str
) -> tuple[str, str]:
    """Return the code copy and the environment's interpreter, both made if missing.

    A hot verb builds no environment; `extra` is the key in LOCKS of the one that is
    wanted. Raises SystemExit(2) after a sentence when something is missing.
    """
    try:
        copy = lay_code(cache, root)
        python = _record(cache, root, tag, copy)[extra]
        if not is_hot and not os.path.exists(python):
            if extra and AHEAD not in argv:
                _build_apart(root, extra)
            else:
                build_environment(
                    os.path.dirname(os.path.dirname(python)), copy.locks[extra]
                )
    except Problem as problem:
        raise SystemExit(tell(problem, argv)) from None
    except OSError as error:
        raise SystemExit(tell(cache_not_writable(cache, error), argv)) from None
    return copy.folder, python


def _record(cache: str, root: str, tag: str, copy: CodeCopy) -> dict[str, str]:
    """Remember the copy; return the interpreters that LOCKS ask for, built or not."""
    names = {extra: environment_name(tag, lock) for extra, lock in copy.locks.items()}
    remember(cache, root, tag, copy, names)
    env = os.path.join(cache, "env")
    return {
        extra: os.path.join(env, name, "bin", "python") for extra, name in names.items()
    }


def _build_apart(root: str, extra: str) -> None:
    """Have the environment built by a process that outlives who called us.

    A client that gives up while its server is being prepared ends us. The build goes
    on, so its next try finds it done. Raises SystemExit with the builder's exit code,
    which has told why.
    """
    script = os.path.join(root, "skill", "swarm.py")
    builder = subprocess.Popen(
        [sys.executable, script, extra, AHEAD],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # standard output may be a protocol's
        start_new_session=True,
    )
    # Not subprocess.run: an interrupted one kills what it started.
    if builder.wait() != 0:
        raise SystemExit(2)
