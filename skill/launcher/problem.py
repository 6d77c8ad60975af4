"""How the launcher says that it cannot start; parses on Python 3.6."""

import errno
import json
import sys


class Problem(Exception):  # noqa: N818 - it is told as a sentence, not as an error class
    """Raised when kimi-swarm cannot start: a stable code, a sentence, and a remedy."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


def tell(problem: Problem, argv: "list[str]") -> int:
    """Say the problem, on standard output too if `--json` was asked; return 2."""
    if "--json" in argv:
        error = {
            "code": problem.code,
            "message": problem.message,
            "remedy": problem.remedy,
        }
        print(json.dumps({"version": 1, "error": error}))
    else:
        print(f"kimi-swarm: {problem.message} {problem.remedy}", file=sys.stderr)
    return 2


def reason(error: OSError) -> str:
    """Return the system's own words for `error`, fit for the middle of a sentence."""
    return (error.strerror or str(error)).lower()


def not_runnable(python: str, error: OSError) -> Problem:
    """Return the problem of an environment whose interpreter will not start."""
    return Problem(
        "environment_not_runnable",
        f"The Python environment at {python} does not start ({reason(error)}).",
        "Remove that folder and call again, or set KIMI_SWARM_CACHE to a folder"
        " programs may run from.",
    )


def cache_not_writable(cache: str, error: OSError) -> Problem:
    """Return the problem of a cache folder that takes no files."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Problem(
        "cache_not_writable",
        f"The cache folder {cache} cannot be written ({reason(error)}).",
        "Free some space, or set KIMI_SWARM_CACHE to a folder on another disk."
        if is_full
        else "Set KIMI_SWARM_CACHE to a folder you may write to.",
    )


def skill_unreadable(root: str, error: OSError) -> Problem:
    """Return the problem of a skill folder with something in it we may not read."""
    return Problem(
        "skill_unreadable",
        f"The skill folder {root} cannot be read ({reason(error)}).",
        "Give yourself the right to read it, or install the skill again.",
    )
