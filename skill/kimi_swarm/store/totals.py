"""Adding up what sessions used: of a run, since a day, or apart. Light.

Of all runs `spent` is asked, which holds a few rows a day however many sessions there
were; of one run its own rows.
"""

from __future__ import annotations

import sqlite3

from kimi_swarm.core.totals import Totals

GROUPS = ("profile", "model", "day")
_OUTCOMES = ("succeeded", "failed", "cancelled", "timed_out", "lost")
_ORIGINS = ("measured", "told", "estimated")


def _sum(column: str, where: str = "") -> str:
    kept = f" FILTER (WHERE {where})" if where else ""
    return f"coalesce(sum({column}){kept}, 0)"


_TOKENS = "input_tokens + output_tokens + reasoning_tokens"
_SUMS = ", ".join(
    [
        *(_sum("sessions", f"outcome = '{outcome}'") for outcome in _OUTCOMES),
        "0",
        *map(_sum, ("requests", "unknown_requests")),
        *map(_sum, ("input_tokens", "cached_tokens")),
        *map(_sum, ("output_tokens", "reasoning_tokens")),
        *(_sum(_TOKENS, f"tokens_from = '{origin}'") for origin in _ORIGINS),
        _sum("unknown_tokens"),
        *(_sum("nano_usd", f"usd_from = '{origin}'") for origin in _ORIGINS),
        *map(_sum, ("unknown_usd", "retries", "held_ms")),
    ]
)


def totals_of(
    connection: sqlite3.Connection, *, run: str | None = None, since: str = ""
) -> Totals:
    """Return what all sessions used that are over, or those of a run.

    With a day `since` only what was used from that day on.
    """
    table, where, values = _source(run, since)
    row = connection.execute(
        f"SELECT {_SUMS} FROM {table} WHERE {where}",  # noqa: S608 our own words
        values,
    ).fetchone()
    return Totals._make(row)


def totals_by(
    connection: sqlite3.Connection,
    group: str,
    *,
    run: str | None = None,
    since: str = "",
) -> dict[str, Totals]:
    """Return the same apart, by one of `GROUPS`; "" is what nobody named."""
    if group not in GROUPS:
        raise ValueError(group)
    table, where, values = _source(run, since)
    rows = connection.execute(
        f"SELECT {group}, {_SUMS} FROM {table} WHERE {where} GROUP BY 1",  # noqa: S608 ours
        values,
    )
    return {key: Totals._make(sums) for key, *sums in rows}


def _source(run: str | None, since: str) -> tuple[str, str, tuple[str, ...]]:
    if run is None:
        return "spent", "day >= ?", (since,)
    return "usage", "run = ? AND day >= ?", (run, since)
