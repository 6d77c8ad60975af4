"""Side-by-side measurements; run by hand: `python -m bench [NAME ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"

# The benches drive kimi-swarm as the end-to-end tests do, with the same hands.
sys.path.insert(0, str(ROOT / "tests"))
# The campaigns read the store and the records with the product's own code.
sys.path.insert(0, str(ROOT / "skill"))
