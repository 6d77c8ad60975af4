"""Ends well at once, and leaves a process in a session of its own behind."""
from __future__ import annotations

import os
import signal
import sys
import time

if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(f"{sys.argv[1]}/{os.getpid()}", "w"):
        pass
    time.sleep(600)
while not os.listdir(sys.argv[1]):
    time.sleep(0.01)
