"""The tables, as numbered migrations: never edit a released one, add the next."""

from __future__ import annotations

from kimi_swarm.store.budget_tables import BUDGETS
from kimi_swarm.store.hold_tables import HOLDS
from kimi_swarm.store.pool_tables import POOLS
from kimi_swarm.store.spending_tables import SPENDING
from kimi_swarm.store.usage_tables import USAGE

FIRST = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done')),
  repo TEXT,
  base TEXT,
  concurrency INTEGER NOT NULL CHECK (concurrency > 0),
  spacing_s REAL NOT NULL DEFAULT 0,
  wall_s REAL,
  profiles TEXT NOT NULL DEFAULT '{}',
  plan TEXT NOT NULL,
  notes TEXT NOT NULL DEFAULT '[]',
  created_at REAL NOT NULL,
  ended_at REAL,
  CHECK ((state = 'done') = (ended_at IS NOT NULL))
) STRICT;

CREATE INDEX runs_by_age ON runs (created_at);
CREATE INDEX runs_running ON runs (id) WHERE state = 'running';

CREATE TABLE tasks (
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  place INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  task TEXT NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt > 0),
  place INTEGER NOT NULL,
  profile TEXT NOT NULL,
  needs TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'starting', 'running', 'stopping', 'done')),
  revision INTEGER NOT NULL DEFAULT 0,
  since_at REAL NOT NULL,
  created_at REAL NOT NULL,
  ready_at REAL NOT NULL DEFAULT 0,
  started_at REAL,
  ended_at REAL,
  workspace TEXT,
  branch TEXT,
  base TEXT,
  cause TEXT,
  outcome TEXT
    CHECK (outcome IN ('succeeded', 'failed', 'cancelled', 'timed_out', 'lost')),
  reason TEXT,
  exit_code INTEGER,
  stop_wish TEXT,
  head TEXT,
  summary TEXT,
  detail TEXT,
  UNIQUE (run, task, attempt),
  CHECK ((state = 'done') = (ended_at IS NOT NULL)),
  CHECK ((state = 'done') = (outcome IS NOT NULL)),
  CHECK ((state = 'done') = (reason IS NOT NULL)),
  CHECK (state IN ('queued', 'starting', 'done') OR started_at IS NOT NULL),
  CHECK (state NOT IN ('running', 'stopping') OR workspace IS NOT NULL),
  CHECK (state != 'stopping' OR cause IS NOT NULL)
) STRICT;

CREATE INDEX sessions_by_run ON sessions (run, state, outcome);
CREATE INDEX sessions_live ON sessions (run, place) WHERE state != 'done';
CREATE INDEX sessions_busy ON sessions (run, place)
  WHERE state IN ('starting', 'running', 'stopping');
CREATE INDEX sessions_ready ON sessions (run, profile, place)
  WHERE state = 'queued' AND needs = '' AND stop_wish IS NULL;
CREATE INDEX sessions_bound ON sessions (run, place)
  WHERE state = 'queued' AND needs != '';
CREATE INDEX sessions_wished ON sessions (run, place)
  WHERE state = 'queued' AND stop_wish IS NOT NULL;

CREATE TRIGGER done_is_final BEFORE UPDATE ON sessions
WHEN OLD.state = 'done'
BEGIN SELECT RAISE(ABORT, 'a final state is final'); END;

CREATE TRIGGER moves_count_up BEFORE UPDATE OF state ON sessions
WHEN NEW.revision != OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'a move counts the revision up by one'); END;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  session TEXT,
  name TEXT NOT NULL,
  at REAL NOT NULL,
  data TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_run ON events (run, seq);
CREATE INDEX events_by_session ON events (session, seq);

CREATE TABLE cursors (
  asker TEXT NOT NULL,
  scope TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (asker, scope)
) STRICT, WITHOUT ROWID;
"""

# A session may go on with the conversation of one before it (`follows`), with a message
# instead of the task's prompt; a worker at a terminal may be waiting for an answer.
SECOND = """
ALTER TABLE sessions ADD COLUMN follows TEXT;
ALTER TABLE sessions ADD COLUMN message TEXT;
ALTER TABLE sessions ADD COLUMN asking TEXT;
DROP INDEX sessions_ready;
CREATE INDEX sessions_ready ON sessions (run, profile, place)
  WHERE state = 'queued' AND needs = '' AND stop_wish IS NULL AND follows IS NULL;
CREATE INDEX sessions_following ON sessions (run, place)
  WHERE state = 'queued' AND follows IS NOT NULL;
"""

# A task is tried again as a new session (`tries` counts them, `ready_at` holds it back)
# and may answer with a `result`. A run can be paused, and what it limits counts from
# when it was opened last (`since_at`), or may start sessions again (`open_at`). It
# starts nothing on a disk with less room than it wants.
THIRD = """
ALTER TABLE runs ADD COLUMN paused_at REAL;
ALTER TABLE runs ADD COLUMN since_at REAL NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN open_at REAL NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN min_free_mib INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET since_at = created_at, open_at = created_at;
ALTER TABLE sessions ADD COLUMN tries INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN queue_s REAL;
ALTER TABLE sessions ADD COLUMN result TEXT;
DROP INDEX sessions_ready;
CREATE INDEX sessions_ready ON sessions (run, profile, place)
  WHERE state = 'queued' AND needs = '' AND stop_wish IS NULL AND follows IS NULL
    AND ready_at = 0 AND queue_s IS NULL;
CREATE INDEX sessions_timed ON sessions (run, place)
  WHERE state = 'queued' AND (ready_at != 0 OR queue_s IS NOT NULL);
"""

# Counts are kept with every move, and runs in the order in which they are listed:
# reading them costs the same however much is stored. A task's last attempt is counted.
FOURTH = """
CREATE TABLE counts (
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 0),
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

INSERT INTO counts (run, name, number)
  SELECT run, coalesce(outcome, state), count(*) FROM sessions
  WHERE attempt = (
    SELECT max(attempt) FROM sessions AS later
    WHERE later.run = sessions.run AND later.task = sessions.task
  ) GROUP BY 1, 2;

CREATE TRIGGER an_attempt_is_counted AFTER INSERT ON sessions
BEGIN
  UPDATE counts SET number = number - 1
    WHERE run = NEW.run AND name = (
      SELECT coalesce(outcome, state) FROM sessions
      WHERE run = NEW.run AND task = NEW.task AND attempt < NEW.attempt
      ORDER BY attempt DESC LIMIT 1
    );
  INSERT INTO counts (run, name, number)
    VALUES (NEW.run, coalesce(NEW.outcome, NEW.state), 1)
    ON CONFLICT (run, name) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER a_move_is_counted AFTER UPDATE OF state, outcome ON sessions
WHEN coalesce(NEW.outcome, NEW.state) != coalesce(OLD.outcome, OLD.state)
  AND NOT EXISTS (
    SELECT 1 FROM sessions AS later
    WHERE later.run = NEW.run AND later.task = NEW.task AND later.attempt > NEW.attempt
  )
BEGIN
  UPDATE counts SET number = number - 1
    WHERE run = NEW.run AND name = coalesce(OLD.outcome, OLD.state);
  INSERT INTO counts (run, name, number)
    VALUES (NEW.run, coalesce(NEW.outcome, NEW.state), 1)
    ON CONFLICT (run, name) DO UPDATE SET number = number + 1;
END;

DROP INDEX runs_by_age;
CREATE INDEX runs_in_order ON runs (state DESC, created_at DESC);
"""

# A task may be wanted only if the results of its needs say so (`condition`, JSON).
FIFTH = """
ALTER TABLE sessions ADD COLUMN condition TEXT;
"""

# Of what could start, runs of a higher `priority` come first, and tasks of a higher
# `rank`: those that others wait for.
SIXTH = """
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
DROP INDEX sessions_ready;
CREATE INDEX sessions_ready ON sessions (run, profile, place)
  WHERE state = 'queued' AND needs = '' AND stop_wish IS NULL AND follows IS NULL
    AND ready_at = 0 AND queue_s IS NULL AND rank = 0;
CREATE INDEX sessions_ranked ON sessions (run, place)
  WHERE state = 'queued' AND rank != 0;
"""

# A run may belong to an asker (`owner`), and each end of a run stays untold to an asker
# until a cursor says otherwise. A scope that begins with `#` behind the run is no
# task's. Who came before there was an inbox is not told of ends long past. A notice is
# a wish that a host is told of a run's end: every end makes it due, a little later than
# somebody who waits for the run needs to tell it.
SEVENTH = """
ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_of_owner ON runs (owner, state DESC, created_at DESC);
CREATE INDEX run_ends ON events (seq) WHERE name = 'run_ended';

UPDATE OR REPLACE cursors SET scope = substr(scope, 1, length(scope) - 4) || '#ends'
  WHERE scope LIKE '%/ends';
INSERT OR REPLACE INTO cursors (asker, scope, position)
  SELECT '', '#over', max(seq) FROM events
  WHERE name = 'run_ended' HAVING max(seq) IS NOT NULL;

CREATE TABLE notices (
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  asker TEXT NOT NULL,
  command TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'due', 'accepted', 'told', 'given_up')),
  seq INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  due_at REAL NOT NULL DEFAULT 0,
  trouble TEXT,
  PRIMARY KEY (run, asker),
  CHECK ((state = 'waiting') = (seq IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_due ON notices (due_at) WHERE state = 'due';
CREATE INDEX notices_given_up ON notices (run) WHERE state = 'given_up';

CREATE TRIGGER an_end_makes_notices_due AFTER INSERT ON events
WHEN NEW.name = 'run_ended'
BEGIN
  UPDATE notices SET state = 'due', seq = NEW.seq, tries = 0,
    due_at = NEW.at + 2, trouble = NULL
    WHERE run = NEW.run;
END;

CREATE TRIGGER a_run_that_goes_on_has_no_end AFTER INSERT ON events
WHEN NEW.name = 'run_reopened'
BEGIN
  UPDATE notices SET state = 'waiting', seq = NULL, trouble = NULL
    WHERE run = NEW.run;
END;
"""

# Each request to a model that went through the gateway, until its run is cleared.
REQUESTS = """
CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  run TEXT NOT NULL,
  session TEXT NOT NULL,
  pool TEXT NOT NULL,
  model TEXT NOT NULL,
  began_at REAL NOT NULL,
  first_byte_at REAL,
  ended_at REAL,
  ending TEXT CHECK (ending IN ('done', 'refused', 'cut', 'left', 'lost')),
  status INTEGER,
  input_tokens INTEGER,
  cached_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER,
  held_s REAL NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  sent_again INTEGER NOT NULL DEFAULT 0,
  bytes_in INTEGER NOT NULL DEFAULT 0,
  bytes_out INTEGER NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_session ON requests (run, session);
CREATE INDEX requests_by_age ON requests (began_at);

CREATE TRIGGER a_cleared_run_takes_its_requests AFTER DELETE ON runs
BEGIN
  DELETE FROM requests WHERE run = OLD.id;
END;
"""

MIGRATIONS: tuple[str, ...] = (
    FIRST,
    SECOND,
    THIRD,
    FOURTH,
    FIFTH,
    SIXTH,
    SEVENTH,
    USAGE,
    REQUESTS,
    POOLS,
    BUDGETS,
    HOLDS,
    SPENDING,
)
