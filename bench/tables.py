"""Small tables: printed for people, kept as JSON for the next comparison."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench import RESULTS

Cell = str | float | None


class Table(NamedTuple):
    """One table: rows of cells under columns, and notes on how to read it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()


def show(table: Table) -> str:
    """Render a table as Markdown."""
    rows = [[_text(cell) for cell in row] for row in table.rows]
    grid = [list(table.columns), *rows]
    widths = [max(len(row[at]) for row in grid) for at in range(len(table.columns))]
    rule = ["-" * width for width in widths]
    lines = [
        "| " + " | ".join(map(str.ljust, row, widths)) + " |"
        for row in [grid[0], rule, *rows]
    ]
    return "\n".join(
        [f"**{table.title}**", "", *lines, *map("* {}".format, _notes(table))]
    )


def keep(name: str, tables: Sequence[Table]) -> Path:
    """Write a bench's tables as JSON; return the file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    kept = {
        "bench": name,
        "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "tables": [table._asdict() for table in tables],
    }
    path.write_text(json.dumps(kept, indent=1) + "\n")
    return path


def machine() -> str:
    """Say in a line what this was measured on, and how busy that was already."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, load {load:.1f}"
    )


def _notes(table: Table) -> list[str]:
    return [*table.notes, machine()]


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:.2f}"
