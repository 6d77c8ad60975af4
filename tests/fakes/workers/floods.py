"""Writes many lines: as many as the first argument says."""

from __future__ import annotations

import sys

count = int(sys.argv[1])
for start in range(0, count, 10_000):
    numbers = range(start, min(count, start + 10_000))
    sys.stdout.write("".join(f"line {number}\n" for number in numbers))
