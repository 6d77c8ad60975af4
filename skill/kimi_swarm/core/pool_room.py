"""How many sessions may begin on the pools that their requests draw on. Pure.

The requests themselves are held by the gateway: this only keeps workers from being
started that would wait there, and ends what nobody can serve. Times are seconds on the
clock of whoever asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

SOON_S = 900.0
"""A pool that opens again within this is waited for; later, a person decides."""
LONG_REST_S = 60.0
"""While a pool sends nothing for so long, nobody is started who would draw on it."""
MAX_REFUSAL_CHARS = 80
SHUT = "quota"
"""Why a session ends that was not started, as its pool is closed."""


class PoolRoom(NamedTuple):
    """How a pool stands: the sessions that it feeds (None: nobody knows), and when not.

    It sends nothing until `rests_until_at`; `refusal` is what the provider said when it
    refused, or empty. While `closed` holds a sentence it takes nothing, until
    `closed_until_at` or, None, until a person mends it.
    """

    feeds: int | None = None
    rests_until_at: float = 0.0
    closed: str | None = None
    closed_until_at: float | None = None
    refusal: str = ""


def lasting(rooms: Mapping[str, PoolRoom]) -> dict[str, PoolRoom]:
    """Return what is true of pools though it was told long ago.

    What a pool feeds changes as it is used; a rest and a closure last as they were
    told, as nobody asks meanwhile.
    """
    return {name: room._replace(feeds=None) for name, room in rooms.items()}


def trouble(pool: str, room: PoolRoom, at: float) -> str:
    """Say that a pool is closed, or sends nothing for long; empty if neither."""
    if room.closed is not None:
        return room.closed
    if room.rests_until_at - at > SOON_S:
        words = _words(pool, room)
        return f"{words[0].upper()}{words[1:]}."
    return ""


class Wait(NamedTuple):
    """Why a session is not started now: until when; for good with a `reason`.

    Neither: until another session of the pool ends. With `words` it is so long that
    somebody should know.
    """

    until_at: float | None = None
    reason: str | None = None
    words: str = ""


Draw = tuple[str, str]
"""A run and a profile: their sessions draw on the same pools."""


class PoolRooms:
    """Counts sessions in pools as places are given away."""

    def __init__(
        self,
        rooms: Mapping[str, PoolRoom],
        draws: Mapping[Draw, tuple[str, ...]],
        busy: Iterable[Draw],
    ) -> None:
        self._rooms = rooms
        self._draws = draws
        self._in_use = Counter(pool for one in busy for pool in draws.get(one, ()))

    def start(self, draw: Draw) -> None:
        """Count one more session."""
        self._in_use.update(self._draws.get(draw, ()))

    def wait(self, draw: Draw, at: float) -> Wait | None:
        """Return why one more session is not started now, None if it may be."""
        waits = [
            wait
            for pool in self._draws.get(draw, ())
            if (room := self._rooms.get(pool)) is not None
            and (wait := self._wait(pool, room, at)) is not None
        ]
        shut = next((one for one in waits if one.reason is not None), None)
        if shut is not None or not waits:
            return shut
        moments = [one.until_at for one in waits]
        if any(moment is None for moment in moments):
            return Wait()
        return max(waits, key=lambda one: one.until_at or 0.0)

    def _wait(self, pool: str, room: PoolRoom, at: float) -> Wait | None:
        if room.closed is not None:
            until_at = room.closed_until_at
            if until_at is None or until_at - at > SOON_S:
                return Wait(reason=room.closed)
            if until_at > at:
                return Wait(until_at)
        if room.rests_until_at - at > LONG_REST_S:
            return _rest(pool, room, at)
        if room.feeds is not None and self._in_use[pool] >= room.feeds:
            return Wait()
        return None


def _rest(pool: str, room: PoolRoom, at: float) -> Wait:
    until_at = room.rests_until_at
    if until_at - at <= SOON_S:
        return Wait(until_at - LONG_REST_S)
    return Wait(until_at - SOON_S, words=_words(pool, room))


def _words(pool: str, room: PoolRoom) -> str:
    minute = datetime.fromtimestamp(room.rests_until_at, tz=UTC)
    said = room.refusal[:MAX_REFUSAL_CHARS].replace('"', "'").rstrip(". ")
    told = f'; the provider says: "{said}"' if said else ""
    return f"pool {pool} sends nothing until {minute:%H:%M} UTC{told}"
