"""expect: what a prepared plan will probably take, from what the store remembers."""

from __future__ import annotations

from kimi_swarm.actions.plan import Prepared
from kimi_swarm.actions.state import reading
from kimi_swarm.core.forecast import Forecast, forecast
from kimi_swarm.core.names import COMMAND
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.history import past_of


def expect(home: str, prepared: Prepared) -> Forecast:
    """Say what to expect of a plan. Programs of one's own have no past in common."""
    profiles = {task.recipe.profile for task in prepared.tasks} - {COMMAND}
    try:
        with reading(home) as connection:
            past = {} if connection is None else past_of(connection, profiles)
    except SwarmError:  # a plan can be shown without
        past = {}
    return forecast(prepared.tasks, past, concurrency=prepared.concurrency)
