"""What sessions took that succeeded before, by profile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from statistics import median

from kimi_swarm.core.forecast import Past

LOOKED_AT = 2_000
"""So many of the latest sessions are looked at, however many are stored."""


def past_of(
    connection: sqlite3.Connection, profiles: Collection[str]
) -> dict[str, Past]:
    """Return what the latest successes of each profile took; none where none is."""
    rows = connection.execute(
        "SELECT profile, ended_at - started_at, json_extract(detail, '$.usage')"
        " FROM (SELECT * FROM sessions ORDER BY rowid DESC LIMIT ?)"
        " WHERE outcome = 'succeeded' AND started_at IS NOT NULL",
        (LOOKED_AT,),
    ).fetchall()
    found: dict[str, Past] = {}
    for profile in profiles:
        own = [row for row in rows if row[0] == profile]
        if not own:
            continue
        usages = [json.loads(usage) for _, _, usage in own if usage]
        usd = [one["cost_usd"] for one in usages if one.get("cost_usd") is not None]
        tokens = [
            one["input_tokens"] + one["output_tokens"]
            for one in usages
            if None not in (one["input_tokens"], one["output_tokens"])
        ]
        found[profile] = Past(
            sessions=len(own),
            seconds=median(max(0.0, duration_s) for _, duration_s, _ in own),
            usd=median(usd) if usd else None,
            tokens=round(median(tokens)) if tokens else None,
        )
    return found
