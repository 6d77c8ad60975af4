"""What budgets came to rest on later: a migration, too long for schema.py."""

from __future__ import annotations

# Where a provider tells no usage, what came of its answer is estimated by its text.
SPENDING = """
ALTER TABLE requests ADD COLUMN estimated_output_tokens INTEGER NOT NULL DEFAULT 0;
"""
