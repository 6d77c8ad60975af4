"""The `kimi-swarm` command: hot verbs go one way, the rest another."""

from __future__ import annotations

import os
import sys

HOT_VERBS = ("list", "poll", "log", "wait", "kill")


def main() -> int:
    """Run the command line in `sys.argv` and return its exit code."""
    argv = sys.argv[1:]
    if os.name != "posix":
        # Before anything that only exists there is imported.
        from kimi_swarm.process.platform import UnsupportedPlatformError  # noqa: PLC0415

        error = UnsupportedPlatformError()
        sys.stderr.write(f"kimi-swarm: {error} {error.remedy} [{error.code}]\n")
        return error.exit_code
    os.environ.setdefault("KIMI_SWARM_PYTHON", sys.executable)
    os.environ.setdefault("KIMI_SWARM_PROG", "kimi-swarm")
    try:
        return run(argv)
    except KeyboardInterrupt:
        return 130


def run(argv: list[str]) -> int:
    """Run one command line by the lightest way that can."""
    verb = next((word for word in argv if not word.startswith("-")), "")
    if verb in HOT_VERBS:
        from kimi_swarm.cli.hot import main as hot  # noqa: PLC0415 - keep the other out

        return hot(argv)
    # Looking for plugins of pydantic's costs a tenth of a start; we have none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from kimi_swarm.cli.main import main as cold  # noqa: PLC0415 - heavy imports

    return cold(argv)


if __name__ == "__main__":
    sys.exit(main())
