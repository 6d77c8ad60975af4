"""Doing the calls about what was used."""

from __future__ import annotations

from kimi_swarm.actions.stats import stats as look
from kimi_swarm.calls.answer import Answer
from kimi_swarm.calls.asked import StatsCall
from kimi_swarm.telling.costs import stats_object, stats_text


def stats(home: str, asked: StatsCall) -> Answer:
    """Tell what was used. Raises UnknownRunError, UsageError."""
    found = look(home, asked.run, by=asked.by, since=asked.since, limit=asked.limit)
    return Answer(lambda: stats_object(found), lambda: stats_text(found))
