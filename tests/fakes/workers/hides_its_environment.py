"""Overwrites its own environment, as programs do that give themselves a title.

Then it writes its number into the folder that the first argument names, and stays. With
a second argument it is a grandchild, without a parent, that does so. Linux only.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

if sys.argv[2:] and os.fork():
    time.sleep(600)
if sys.argv[2:]:
    os.setsid()
    if os.fork():
        os._exit(0)

fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
begin, end = int(fields[47]), int(fields[48])  # env_start, env_end: see proc(5)
with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
    memory.seek(begin)
    memory.write(b"\0" * (end - begin))
Path(sys.argv[1], str(os.getpid())).touch()
time.sleep(600)
