"""The table of what pools bear: a migration, beside those of schema.py."""

from __future__ import annotations

# What pools bear (core/pool_rule.py), as whoever started work last had it written.
POOLS = """
CREATE TABLE pools (
  place INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  data TEXT NOT NULL
) STRICT;
"""
