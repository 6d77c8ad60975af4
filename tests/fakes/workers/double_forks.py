"""Ends well at once, and leaves a process in a session of its own behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)
while not any(Path(sys.argv[1]).iterdir()):
    time.sleep(0.01)
