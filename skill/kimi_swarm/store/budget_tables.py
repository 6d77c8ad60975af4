"""The tables of budgets: a migration, too long for schema.py."""

from __future__ import annotations

# A budget is of a run, a task, or (as the configuration says) of each day, month or
# pool; `told` is the share of it that was told to be used, of the period `told_of`. A
# run that a budget keeps from starting more is `held`, until `held_until_at` or until
# the budget is raised; `warned` is what was told last.
BUDGETS = """
CREATE TABLE budgets (
  scope TEXT NOT NULL,
  good TEXT NOT NULL
    CHECK (good IN ('tokens', 'usd', 'requests', 'wall_s', 'sessions')),
  most REAL NOT NULL CHECK (most > 0),
  act TEXT NOT NULL CHECK (act IN ('stop_starting', 'finish', 'kill')),
  told REAL NOT NULL DEFAULT 0,
  told_of TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (scope, good)
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN held TEXT;
ALTER TABLE runs ADD COLUMN held_until_at REAL;
ALTER TABLE runs ADD COLUMN warned TEXT;

CREATE TRIGGER a_cleared_run_takes_its_budgets AFTER DELETE ON runs
BEGIN
  DELETE FROM budgets WHERE scope = 'run/' || OLD.id
    OR (scope >= 'task/' || OLD.id || '/' AND scope < 'task/' || OLD.id || '0');
END;
"""
