"""Doing the calls about what was used."""

from __future__ import annotations

from kimi_swarm.actions.stats import SHOWN
from kimi_swarm.actions.stats import stats as look
from kimi_swarm.calls.answer import Answer
from kimi_swarm.calls.asked import StatsCall
from kimi_swarm.errors import UsageError
from kimi_swarm.telling.costs import stats_object, stats_text


def stats(home: str, asked: StatsCall) -> Answer:
    """Tell what was used. Raises UnknownRunError, UsageError."""
    if asked.limit is not None and asked.by is None:
        raise UsageError("`limit` is for `by`: it says how many groups to show.")
    limit = SHOWN if asked.limit is None else asked.limit
    found = look(home, asked.run, by=asked.by, since=asked.since, limit=limit)
    return Answer(lambda: stats_object(found), lambda: stats_text(found))
