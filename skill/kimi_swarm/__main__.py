"""The `kimi-swarm` command: hot verbs go one way, the rest another."""

from __future__ import annotations

import os
import sys

HOT_VERBS = ("list", "poll", "log", "wait", "kill")


def main() -> int:
    """Run the command line in `sys.argv` and return its exit code."""
    argv = sys.argv[1:]
    os.environ.setdefault("KIMI_SWARM_PYTHON", sys.executable)
    os.environ.setdefault("KIMI_SWARM_PROG", "kimi-swarm")
    verb = next((word for word in argv if not word.startswith("-")), "")
    if verb in HOT_VERBS:
        from kimi_swarm.cli.hot import main as run  # noqa: PLC0415 - keep the other out
    else:
        from kimi_swarm.cli.main import main as run  # noqa: PLC0415 - heavy imports
    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
