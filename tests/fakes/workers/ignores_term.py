"""Ignores TERM, with a grandchild in a session of its own that ignores it too.

Every process of it writes its number into the folder that the first argument names.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)  # the grandchild's parent is dead
Path(sys.argv[1], str(os.getpid())).touch()
time.sleep(600)
