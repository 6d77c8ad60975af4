"""Prints as JSON what it was given: words, input, folder, environment, descriptors."""
from __future__ import annotations

import contextlib
import os
import signal
import sys


def open_descriptors() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists them is closed again
            os.fstat(int(name))
            found.append(int(name))
    return sorted(found)


told = {
    "argv": sys.argv[1:],
    "fds": open_descriptors(),
    "stdin": sys.stdin.read(),
    "cwd": os.getcwd(),
    "env": {name: value for name, value in os.environ.items() if name != "LC_CTYPE"},
    "leads_session": os.getsid(0) == os.getpid(),
    "ignored": [
        number.name
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        if signal.getsignal(number) is signal.SIG_IGN
    ],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
}
