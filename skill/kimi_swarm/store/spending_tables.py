"""What budgets came to rest on later: a migration, too long for schema.py."""

from __future__ import annotations

# Where a provider tells no usage, what came of its answer is estimated by its text.
# `pools` are all that a request draws on, each on a line: its provider's host, and each
# pool that somebody wrote and that covers it; `usage` and `spent` have them in `pool`.
# `begun` counts sessions whose worker started, `wall_ms` is how long they worked; what
# was over before this has neither.
# Each run is told by itself which share of a budget is used, once in each period (""
# for a budget without any); `warned` in runs is how its budgets stand now.
SPENDING = """
ALTER TABLE requests ADD COLUMN estimated_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN pools TEXT NOT NULL DEFAULT '';

ALTER TABLE usage ADD COLUMN begun INTEGER NOT NULL DEFAULT 0 CHECK (begun >= 0);
ALTER TABLE usage ADD COLUMN wall_ms INTEGER NOT NULL DEFAULT 0 CHECK (wall_ms >= 0);
ALTER TABLE spent ADD COLUMN begun INTEGER NOT NULL DEFAULT 0 CHECK (begun >= 0);
ALTER TABLE spent ADD COLUMN wall_ms INTEGER NOT NULL DEFAULT 0 CHECK (wall_ms >= 0);

CREATE TABLE budgets_told (
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  scope TEXT NOT NULL,
  good TEXT NOT NULL,
  period TEXT NOT NULL,
  share REAL NOT NULL,
  PRIMARY KEY (run, scope, good, period)
) STRICT, WITHOUT ROWID;

ALTER TABLE budgets DROP COLUMN told;
ALTER TABLE budgets DROP COLUMN told_of;
"""
