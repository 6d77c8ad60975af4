"""The supervisor's entry: become a daemon first, before anything heavy is imported.

The process that was called ends when the daemon answers at its door, with exit code 0;
when it gave up, with 3; when it vanished without a word, with 4: so the caller knows.
The caller's values come through standard input; see process/given_values.py.
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
        os._exit({b"1": 0, b"0": 3}.get(os.read(reading, 1), 4))
    os.close(reading)
    return writing


if __name__ == "__main__":
    from kimi_swarm.process.given_values import take_in

    try:
        given = take_in()
    except ValueError:
        sys.exit(4)
    caller = _become_daemon()
    from kimi_swarm.location import state_home
    from kimi_swarm.supervisor.serve import serve

    callers = [caller]

    def tell(how: bytes = b"1") -> None:
        """Let the caller go, once: later its descriptor may be another file's."""
        if callers:
            with suppress(OSError):
                os.write(callers[-1], how)
            os.close(callers.pop())

    code = serve(state_home(), *sys.argv[1:2], given=given, on_ready=tell)
    tell(b"0")
    sys.exit(code)
