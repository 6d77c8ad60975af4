"""A call as it was made: which other calls make an answer to it out of date."""

from __future__ import annotations

from typing import NamedTuple

from kimi_swarm.calls.asked import AggregateCall, Call, ClearCall, DoctorCall
from kimi_swarm.calls.asked_start import SpawnCall
from kimi_swarm.mcp.tools import MANNERS

_RUNS_BY = ("run", "id", "session", "into")
_STARTING = ("spawn", "send", "retry")


class Asked(NamedTuple):
    """An action by its name, and what it was asked with."""

    name: str
    call: Call

    @property
    def starts_again(self) -> bool:
        """Whether made again, it starts workers again, whatever it started before."""
        return self.name in _STARTING

    def is_same_as(self, other: Asked) -> bool:
        """Whether both ask the same of the same action."""
        same = self.name == other.name
        return same and self.call.model_dump_json() == other.call.model_dump_json()

    def outdates(self, other: Asked) -> bool:
        """Whether it may change what an answer to another call tells."""
        if not self._changes():
            return False
        mine, theirs = self._runs(), other._runs()
        return mine is None or theirs is None or not mine.isdisjoint(theirs)

    def _changes(self) -> bool:
        match self.call:
            case AggregateCall() as call:
                asks_worker = call.resolve or call.synthesise is not None
                return call.merge or call.apply or asks_worker
            case ClearCall() as call:
                return not call.dry_run
            case DoctorCall() as call:
                return call.fix
            case _:
                return not MANNERS[self.name].reads

    def _runs(self) -> frozenset[str] | None:
        """Return the runs that it names, none for a new run; None if it means any."""
        given = [getattr(self.call, field, None) for field in _RUNS_BY]
        named = [
            str(one).partition("/")[0]
            for each in given
            if each
            for one in (each if isinstance(each, tuple) else (each,))
        ]
        is_new = isinstance(self.call, SpawnCall)
        return frozenset(named) if named or is_new else None
