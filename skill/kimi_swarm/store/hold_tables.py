"""What tells that a run is stuck: a migration, too long for schema.py."""

from __future__ import annotations

# A run is stuck while a budget holds it and nothing of it works: `stuck_seq` is the
# event that tells so, a completion like an end. It is stuck no more when the hold is
# lifted, when it has new work, and when it is over: then that event needs no telling,
# and notices of it wait for the next one.
HOLDS = """
ALTER TABLE runs ADD COLUMN stuck_seq INTEGER;

DROP INDEX run_ends;
CREATE INDEX completions ON events (seq) WHERE name IN ('run_ended', 'run_stuck');

CREATE TRIGGER a_stuck_run_makes_notices_due AFTER INSERT ON events
WHEN NEW.name = 'run_stuck'
BEGIN
  UPDATE runs SET stuck_seq = NEW.seq WHERE id = NEW.run;
  UPDATE notices SET state = 'due', seq = NEW.seq, tries = 0,
    due_at = NEW.at + 2, trouble = NULL
    WHERE run = NEW.run;
END;

CREATE TRIGGER a_run_held_no_more_is_not_stuck AFTER UPDATE OF held, state ON runs
WHEN NEW.stuck_seq IS NOT NULL AND (NEW.held IS NULL OR NEW.state = 'done')
BEGIN
  UPDATE runs SET stuck_seq = NULL WHERE id = NEW.id;
END;

CREATE TRIGGER a_run_with_new_work_is_not_stuck AFTER INSERT ON sessions
BEGIN
  UPDATE runs SET stuck_seq = NULL WHERE id = NEW.run AND stuck_seq IS NOT NULL;
END;

CREATE TRIGGER a_run_not_stuck_needs_no_telling AFTER UPDATE OF stuck_seq ON runs
WHEN OLD.stuck_seq IS NOT NULL AND NEW.stuck_seq IS NOT OLD.stuck_seq
BEGIN
  UPDATE notices SET state = 'waiting', seq = NULL, trouble = NULL
    WHERE run = NEW.id AND seq = OLD.stuck_seq;
END;
"""
