"""Make what a call needs and the cache lacks: the code copy and the environment."""

from __future__ import annotations

import os

from launcher.code_copy import lay_code, remember
from launcher.environment import build_environment, environment_name
from launcher.problem import Problem, cache_not_writable, tell


def prepare(
    cache: str, root: str, tag: str, argv: list[str], *, is_hot: bool
) -> tuple[str, str]:
    """Return the code copy and the environment's interpreter, both made if missing.

    A hot verb builds no environment. Raises SystemExit(2) after a sentence when
    something is missing.
    """
    try:
        return _prepare(cache, root, tag, is_hot=is_hot)
    except Problem as problem:
        raise SystemExit(tell(problem, argv)) from None
    except OSError as error:
        raise SystemExit(tell(cache_not_writable(cache, error), argv)) from None


def _prepare(cache: str, root: str, tag: str, *, is_hot: bool) -> tuple[str, str]:
    copy = lay_code(cache, root)
    env_name = environment_name(tag, copy.lock)
    remember(cache, root, tag, copy, env_name)
    env = os.path.join(cache, "env", env_name)
    python = os.path.join(env, "bin", "python")
    if not is_hot and not os.path.exists(python):
        build_environment(env, copy.lock)
    return copy.folder, python
