"""Run the benches that were named, or all of them, one after another."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import (
    campaign,
    gateway,
    growth,
    host,
    hot,
    limits,
    spawn,
    throughput,
    widgets,
    writers,
)
from bench import map as mapping
from bench.tables import Table, keep, show

BENCHES: dict[str, Callable[[], list[Table]]] = {
    "hot": hot.run,
    "spawn": spawn.run,
    "throughput": throughput.run,
    "widgets": widgets.run,
    "imports": hot.run_imports,
    "gateway": gateway.run,
    "growth": growth.run,
    "host": host.run,
    "writers": writers.run,
    "limits": limits.run,
}
BY_DEFAULT = ("hot", "spawn", "throughput", "widgets")


def main(names: list[str]) -> int:
    """Run benches by name; print their tables and keep them as JSON."""
    if names[:1] == ["campaign"]:
        return campaign.main(names[1:])
    if names[:1] == ["map"]:
        return mapping.main(names[1:])
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"There is no bench {unknown[0]!r}. There are: {', '.join(BENCHES)}.")
        return 2
    for name in names or BY_DEFAULT:
        tables = BENCHES[name]()
        print("\n\n".join(show(table) for table in tables))
        print(f"Kept in {keep(name, tables)}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
