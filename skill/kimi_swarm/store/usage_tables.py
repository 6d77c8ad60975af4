"""The tables of what sessions used: a migration, too long for schema.py."""

from __future__ import annotations

# What sessions used, in parts (core/usage.py); it goes with their run. `spent` holds
# the sums of the same columns by day and whatever else tells them apart, and stays:
# what was spent is not forgotten. Sessions that ended before told it in their `detail`;
# a program that told of tokens and of no money had no price to tell. `prices` are those
# that count here (core/price.py).
_USED = """
  day TEXT NOT NULL,
  profile TEXT NOT NULL,
  pool TEXT NOT NULL,
  model TEXT NOT NULL,
  outcome TEXT NOT NULL
    CHECK (outcome IN ('succeeded', 'failed', 'cancelled', 'timed_out', 'lost')),
  requests_from TEXT NOT NULL
    CHECK (requests_from IN ('measured', 'told', 'estimated', 'unknown')),
  tokens_from TEXT NOT NULL
    CHECK (tokens_from IN ('measured', 'told', 'estimated', 'unknown')),
  usd_from TEXT NOT NULL
    CHECK (usd_from IN ('measured', 'told', 'estimated', 'unknown')),
  sessions INTEGER NOT NULL CHECK (sessions >= 0),
  unknown_requests INTEGER NOT NULL CHECK (unknown_requests >= 0),
  unknown_tokens INTEGER NOT NULL CHECK (unknown_tokens >= 0),
  unknown_usd INTEGER NOT NULL CHECK (unknown_usd >= 0),
  requests INTEGER NOT NULL CHECK (requests >= 0),
  input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
  cached_tokens INTEGER NOT NULL CHECK (cached_tokens >= 0),
  output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
  reasoning_tokens INTEGER NOT NULL CHECK (reasoning_tokens >= 0),
  nano_usd INTEGER NOT NULL CHECK (nano_usd >= 0),
  retries INTEGER NOT NULL CHECK (retries >= 0),
  held_ms INTEGER NOT NULL CHECK (held_ms >= 0),
  CHECK (requests_from != 'unknown' OR requests = 0),
  CHECK (tokens_from != 'unknown' OR input_tokens + output_tokens = 0),
  CHECK (usd_from != 'unknown' OR nano_usd = 0)
"""

_TABLES = f"""
CREATE TABLE usage (
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  session TEXT NOT NULL,
  part INTEGER NOT NULL,
  {_USED.strip()},
  PRIMARY KEY (run, session, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE spent (
  {_USED.strip()},
  PRIMARY KEY (
    day, profile, pool, model, outcome, requests_from, tokens_from, usd_from
  )
) STRICT, WITHOUT ROWID;

CREATE TABLE prices (
  place INTEGER PRIMARY KEY,
  is_own INTEGER NOT NULL CHECK (is_own IN (0, 1)),
  model TEXT NOT NULL,
  since TEXT NOT NULL,
  input REAL NOT NULL CHECK (input >= 0),
  output REAL NOT NULL CHECK (output >= 0),
  cached REAL CHECK (cached >= 0),
  source TEXT NOT NULL
) STRICT;
"""

_WHAT_WAS_THERE = """
INSERT INTO usage
  SELECT run, id, 0, day, profile, '', '', outcome,
    requests_from, tokens_from, usd_from, 1, requests_from = 'unknown',
    tokens_from = 'unknown', usd_from = 'unknown', 0, input, cached, output, reasoning,
    CASE usd_from WHEN 'told' THEN CAST(round(usd * 1e9) AS INTEGER) ELSE 0 END,
    retries, 0
  FROM (
    SELECT *,
      CASE WHEN is_idle THEN 'measured' ELSE 'unknown' END AS requests_from,
      CASE WHEN is_idle THEN 'measured' WHEN is_told THEN 'told' ELSE 'unknown' END
        AS tokens_from,
      CASE WHEN is_idle THEN 'measured'
        WHEN usd > 0 OR (usd = 0 AND input + output + reasoning = 0) THEN 'told'
        ELSE 'unknown' END AS usd_from
    FROM (
      SELECT run, id, profile, outcome, date(ended_at, 'unixepoch') AS day,
        started_at IS NULL AS is_idle,
        json_extract(detail, '$.usage') IS NOT NULL AS is_told,
        coalesce(json_extract(detail, '$.usage.input_tokens'), 0) AS input,
        coalesce(json_extract(detail, '$.usage.cached_tokens'), 0) AS cached,
        coalesce(json_extract(detail, '$.usage.output_tokens'), 0) AS output,
        coalesce(json_extract(detail, '$.usage.reasoning_tokens'), 0) AS reasoning,
        json_extract(detail, '$.usage.cost_usd') AS usd,
        coalesce(json_extract(detail, '$.retries'), 0) AS retries
      FROM sessions WHERE state = 'done'
    )
  );

INSERT INTO spent
  SELECT day, profile, pool, model, outcome, requests_from, tokens_from, usd_from,
    sum(sessions), sum(unknown_requests), sum(unknown_tokens), sum(unknown_usd),
    sum(requests), sum(input_tokens), sum(cached_tokens), sum(output_tokens),
    sum(reasoning_tokens), sum(nano_usd), sum(retries), sum(held_ms)
  FROM usage GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
"""

USAGE = _TABLES + _WHAT_WAS_THERE
