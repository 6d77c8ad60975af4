"""Writes into its folder until the disk is full, or as many bytes as $1 says."""

from __future__ import annotations

import sys
from pathlib import Path

limit = int(sys.argv[1])
chunk = b"x" * 65_536
with Path("filled.bin").open("ab", buffering=0) as file:
    while limit > 0:
        limit -= file.write(chunk[:limit])
