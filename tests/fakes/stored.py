"""A store as large as years of use make it, faithful and made quickly.

One run lives its whole life through the product's own functions; the others are copies
of its rows under other names.
"""

from __future__ import annotations

from fakes.runs import BORN_AT, a_run, life, moved
from kimi_swarm.core.session import Outcome
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.runs import create_run
from kimi_swarm.store.usage import KEYS, SUMS

_TABLES = {
    "runs": ("id",),
    "tasks": ("run",),
    "sessions": ("run", "id"),
    "events": ("run", "session"),
    "usage": ("run", "session"),
}
_KEYS = ("seq",)  # numbered anew by the table itself
_CHANGED = {
    ("runs", "created_at"): ":at",
    ("usage", "day"): "date(:at, 'unixepoch')",
}


def live_through(connection: Connection, run: str, sessions: int) -> None:
    """Write a run whose sessions all ended, one in ten of them badly."""
    names = [f"t{number:04}" for number in range(sessions)]
    with transaction(connection):
        create_run(connection, run, a_run(*names), at=BORN_AT)
        for number, name in enumerate(names):
            outcome = Outcome.SUCCEEDED if number % 10 else Outcome.FAILED
            moved(connection, f"{run}/{name}", *life(outcome))


def copy_run(connection: Connection, run: str, name: str, *, at: float) -> None:
    """Copy every row of a run under another name, begun at another moment."""
    for table, named in _TABLES.items():
        columns = [
            column
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")
            if column not in _KEYS
        ]
        values = [
            f"replace({column}, :run, :name)"
            if column in named
            else _CHANGED.get((table, column), column)
            for column in columns
        ]
        connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)})"  # noqa: S608 our own names
            f" SELECT {', '.join(values)} FROM {table} WHERE {named[0]} = :run",
            {"run": run, "name": name, "at": at},
        )


def add_up(connection: Connection) -> None:
    """Add up anew what all sessions used: copies were not counted when they ended."""
    keys = ", ".join(KEYS)
    sums = ", ".join(f"sum({name})" for name in SUMS)
    connection.execute("DELETE FROM spent")
    connection.execute(
        f"INSERT INTO spent ({keys}, {', '.join(SUMS)})"  # noqa: S608 the product's names
        f" SELECT {keys}, {sums} FROM usage GROUP BY {keys}"
    )


def fill(
    connection: Connection, *, runs: int, sessions_each: int, apart_s: float = 1.0
) -> list[str]:
    """Write `runs` finished runs of so many sessions each; return their ids."""
    names = [f"past-{number}" for number in range(runs)]
    live_through(connection, names[0], sessions_each)
    with transaction(connection):
        for number, name in enumerate(names[1:], start=1):
            copy_run(connection, names[0], name, at=BORN_AT + number * apart_s)
        add_up(connection)
    return names
