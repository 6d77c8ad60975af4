"""Writes one line that never ends: MiB of it, then waits for a file, then more."""

from __future__ import annotations

import sys
import time
from pathlib import Path

mebibytes, gate = int(sys.argv[1]), Path(sys.argv[2])
for _ in range(mebibytes):
    sys.stdout.write("x" * (1 << 20))
sys.stdout.write("at the gate")
sys.stdout.flush()
while not gate.exists():
    time.sleep(0.02)
sys.stdout.write(" and beyond")
