"""Following a run: its events as they come."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from kimi_swarm.actions.events import Happened, events_since
from kimi_swarm.actions.state import Line
from kimi_swarm.calls.perform import listening
from kimi_swarm.calls.told import EventTold
from kimi_swarm.telling.as_json import event_object


class News(NamedTuple):
    """Events of a run, oldest first; `is_over` if no more will come by themselves."""

    events: tuple[EventTold, ...]
    is_over: bool


def _since(home: str, run: str, seq: int, line: Line) -> Happened:
    return events_since(home, run, seq, line=line)


async def news_of(home: str, run: str, *, after: int = 0) -> News:
    """Wait until something happened in a run, or it is over.

    `after` is the `seq` of the last event that is known. Raises UnknownRunError.
    """
    found = await listening(partial(_since, home, run, after))
    told = map(EventTold.model_validate, map(event_object, found.events))
    return News(tuple(told), found.is_over)
