"""Side-by-side measurements; run by hand: `python -m bench [NAME ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"

# The benches drive kimi-swarm as the end-to-end tests do, with the same hands, and read
# and write the store and the records with the product's own code.
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "skill")]
# Compiled files go beside the tools, never under skill/, also when make is not used.
sys.pycache_prefix = sys.pycache_prefix or str(ROOT / ".venv" / "pycache")
