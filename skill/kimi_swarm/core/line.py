"""Who waits, and in which order: fair between sessions, begun work first.

A higher rank goes first. Within a rank, sessions that were served before go before new
ones, so that what is begun gets finished; who has waited `let_in_s` counts as begun.
Of these, the one that was served longest ago is next, so that no session starves
another. Requests of a session that draw on the same pools go in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

NEW = -1
"""The turn of a session that was never served."""


class Wanted(NamedTuple):
    """A request that asks to be sent: its id, its session, and the pools it draws on.

    `tokens` is what it may use at most: its input, estimated, and its longest answer.
    `account` tells apart who pays for it, where several draw on the same pools.
    """

    request: str
    session: str
    pools: tuple[str, ...]
    tokens: int = 0
    rank: int = 0
    account: str = ""


class _Held(NamedTuple):
    wanted: Wanted
    since_s: float
    number: int


class Line:
    """Requests that wait. Times are seconds on any one clock that never goes back."""

    def __init__(self, *, let_in_s: float) -> None:
        self.let_in_s = let_in_s
        self._queues: dict[tuple[str, tuple[str, ...]], deque[_Held]] = {}
        self._places: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._turns: dict[str, int] = {}
        self._number = 0
        self._turn = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, request: str) -> bool:
        return request in self._places

    def join(self, wanted: Wanted, at_s: float, *, in_front: bool = False) -> None:
        """Wait behind one's session's others, or in front of them."""
        key = (wanted.session, wanted.pools)
        self._number += 1
        held = _Held(wanted, at_s, self._number)
        queue = self._queues.setdefault(key, deque())
        (queue.appendleft if in_front else queue.append)(held)
        self._places[wanted.request] = key

    def leave(self, request: str) -> bool:
        """Wait no more; return whether it waited."""
        key = self._places.pop(request, None)
        if key is None:
            return False
        queue = self._queues[key]
        kept = deque(held for held in queue if held.wanted.request != request)
        if kept:
            self._queues[key] = kept
        else:
            del self._queues[key]
        return True

    def heads(self, at_s: float) -> list[Wanted]:
        """Return who stands first for each session and pools, the next one first."""
        heads = [queue[0] for queue in self._queues.values()]
        heads.sort(key=lambda held: self._order(held, at_s))
        return [held.wanted for held in heads]

    def served(self, session: str) -> None:
        """Note that it was this session's turn."""
        self._turn += 1
        self._turns[session] = self._turn

    def forget(self, session: str) -> None:
        """Let go of a session that is over: should it come back, it is new."""
        self._turns.pop(session, None)

    def _order(self, held: _Held, at_s: float) -> tuple[int, bool, int, int]:
        turn = self._turns.get(held.wanted.session, NEW)
        is_late = turn == NEW and at_s - held.since_s < self.let_in_s
        return (-held.wanted.rank, is_late, turn, held.number)

    def __iter__(self) -> Iterator[Wanted]:
        for queue in self._queues.values():
            for held in queue:
                yield held.wanted

    def to_data(self) -> list[str]:
        """Return the sessions that were served, the one of longest ago first."""
        return sorted(self._turns, key=self._turns.__getitem__)

    def load(self, sessions: list[str]) -> None:
        """Know sessions as served, in this order."""
        for session in sessions:
            self.served(session)
