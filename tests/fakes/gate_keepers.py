"""Controllers for the simulated crowd: the gate itself, and simpler ones beside it."""

from __future__ import annotations

from collections import deque

from fakes.limited_provider import Call
from kimi_swarm.core.gate import Admit, Gate, Wanted
from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.rate_reply import FINE, Reply

POOL = "provider"


class GateKeeper:
    """The gate, as whoever sends requests would drive it."""

    def __init__(self, limits: PoolLimits) -> None:
        self.gate = Gate({POOL: limits})
        self._wanted: dict[str, Wanted] = {}
        self._sent: list[str] = []

    def want(self, request: str, session: str, call: Call, at_s: float) -> None:
        self._wanted[request] = Wanted(request, session, (POOL,), call.asked)
        self._ask(request, at_s, is_again=False)

    def _ask(self, request: str, at_s: float, *, is_again: bool) -> None:
        answer = self.gate.ask(self._wanted[request], at_s=at_s, is_again=is_again)
        if isinstance(answer, Admit):
            self._sent.append(request)

    def refused(self, request: str, reply: Reply, at_s: float) -> None:
        self.gate.answered(request, reply, at_s=at_s)
        self.gate.ended(request, tokens=0, at_s=at_s)
        self._ask(request, at_s, is_again=True)

    def answered(self, request: str, at_s: float) -> None:
        self.gate.answered(request, FINE, at_s=at_s)

    def ended(self, request: str, tokens: int, at_s: float) -> None:
        self.gate.ended(request, tokens=tokens, at_s=at_s)

    def turn(self, at_s: float) -> tuple[list[str], float | None]:
        turn = self.gate.turn(at_s)
        sent = [*self._sent, *(one.request for one in turn.admitted)]
        self._sent.clear()
        return sent, turn.look_again_at_s


class FixedKeeper:
    """So many at once, always; who is refused comes back as it was told, or slower."""

    def __init__(self, width: float) -> None:
        self.width = width
        self._waiting: deque[str] = deque()
        self._later: list[tuple[float, str]] = []
        self._tries: dict[str, int] = {}
        self._in_flight: set[str] = set()

    def want(self, request: str, _session: str, _call: Call, _at_s: float) -> None:
        self._waiting.append(request)

    def refused(self, request: str, reply: Reply, at_s: float) -> None:
        self._in_flight.discard(request)
        tries = self._tries[request] = self._tries.get(request, 0) + 1
        own_s = min(2.0 ** (tries - 1), 30.0)
        wait_s = own_s if reply.wait_s is None else reply.wait_s
        self._later.append((at_s + wait_s, request))

    def answered(self, _request: str, _at_s: float) -> None: ...

    def ended(self, request: str, _tokens: int, _at_s: float) -> None:
        self._in_flight.discard(request)

    def turn(self, at_s: float) -> tuple[list[str], float | None]:
        self._later.sort()
        while self._later and self._later[0][0] <= at_s:
            self._waiting.appendleft(self._later.pop(0)[1])
        sent: list[str] = []
        while self._waiting and len(self._in_flight) < max(1, int(self.width)):
            request = self._waiting.popleft()
            self._in_flight.add(request)
            sent.append(request)
        return sent, self._later[0][0] if self._later else None


class DoublingKeeper(FixedKeeper):
    """Twice as many after each full round of success, half as many at each refusal."""

    def __init__(self) -> None:
        super().__init__(5)
        self._successes = 0

    def refused(self, request: str, reply: Reply, at_s: float) -> None:
        self.width, self._successes = max(1.0, self.width / 2), 0
        super().refused(request, reply, at_s)

    def ended(self, request: str, _tokens: int, _at_s: float) -> None:
        self._successes += 1
        if self._successes >= self.width:
            self.width, self._successes = min(self.width * 2, 256.0), 0
        super().ended(request, _tokens, _at_s)
