"""Following a run: its events as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from kimi_swarm.actions.events import Happened, events_since
from kimi_swarm.actions.state import Line
from kimi_swarm.calls.perform import listening
from kimi_swarm.calls.told import EventTold
from kimi_swarm.telling.as_json import event_object


def _since(home: str, run: str, seq: int, line: Line) -> Happened:
    return events_since(home, run, seq, line=line)


async def follow(home: str, run: str, *, after: int = 0) -> AsyncIterator[EventTold]:
    """Yield what happened in a run, then what happens, until it is over.

    `after` is the `seq` of the last event that is known. Raises UnknownRunError.
    """
    while True:
        found = await listening(partial(_since, home, run, after))
        for event in found.events:
            after = event.seq
            yield EventTold.model_validate(event_object(event))
        if found.is_over:
            return
