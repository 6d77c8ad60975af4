"""The supervisor's entry: become a daemon first, before anything heavy is imported.

The process that was called ends when the daemon answers at its door, with exit code 0,
or when it has died, with 3: so the caller knows.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def _become_daemon() -> int:
    """Fork; return, in the daemon, the descriptor that tells the caller."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 3)
    os.close(reading)
    return writing


if __name__ == "__main__":
    caller = _become_daemon()
    from kimi_swarm.location import state_home
    from kimi_swarm.supervisor.serve import serve

    callers = [caller]

    def tell() -> None:
        """Let the caller go, once: later its descriptor may be another file's."""
        if callers:
            with suppress(OSError):
                os.write(callers[-1], b"1")
            os.close(callers.pop())

    sys.exit(serve(state_home(), *sys.argv[1:2], on_ready=tell))
