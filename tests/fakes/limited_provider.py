"""A provider with limits, a crowd of sessions, and a clock of their own: no waiting.

`Crowd.run` plays a whole job in simulated time. A breach is a request that arrived when
the provider had no room; it is answered as real ones answer.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kimi_swarm.core.rate_reply import Reply, read_reply

LATENCY_S = (0.02, 0.2)
LONGEST_S = 200_000.0


class Rate(NamedTuple):
    """So many requests (or tokens) per window; fixed windows begin at `phase_s`."""

    most: int
    per_s: float
    is_fixed: bool = False
    of_tokens: bool = False
    phase_s: float = 0.0
    counts_asked: bool = False


class Step(NamedTuple):
    """From this moment on, so many at once."""

    from_s: float
    at_once: int


class Call(NamedTuple):
    """One request: what it carries, how long it is served, the pause before it."""

    tokens: int
    service_s: float
    first_byte_s: float
    pause_s: float
    asked: int = 0


@dataclass
class Provider:
    """Limits that change with time, and how it words a refusal.

    `words` is one of: bare, retry-after, retry-after 0, moonshot, headers, quota.
    """

    steps: Sequence[Step] = ()
    rates: Sequence[Rate] = ()
    words: str = "bare"
    in_flight: int = 0
    breaches: int = 0
    is_overfull: bool = False
    served: list[float] = field(default_factory=list)
    _counted: dict[int, deque[tuple[float, int]]] = field(default_factory=dict)
    _sums: dict[int, int] = field(default_factory=dict)

    def at_once(self, at_s: float) -> int:
        found = [step.at_once for step in self.steps if step.from_s <= at_s]
        return found[-1] if found else 1_000_000

    def arrive(self, call: Call, at_s: float) -> Reply | None:
        """Take a request, or say why not."""
        if self.in_flight >= self.at_once(at_s):
            most = max(step.at_once for step in self.steps)
            return self._refuse(f"max organization concurrency: {most}")
        for place, rate in enumerate(self.rates):
            asked = call.asked if rate.counts_asked else 0
            amount = asked if rate.of_tokens else 1
            used = self._used(place, rate, at_s)
            if used + amount > rate.most or used >= rate.most:
                name = "TPM" if rate.of_tokens else "RPM"
                freed_s = self._freed_s(place, rate, at_s)
                return self._refuse(f"organization max {name}: {rate.most}", freed_s)
        for place, rate in enumerate(self.rates):
            if not rate.of_tokens:
                self._count(place, 1, at_s)
            elif rate.counts_asked:
                self._count(place, call.asked, at_s)
        self.in_flight += 1
        self.served.append(at_s)
        return None

    def leave(self, call: Call, at_s: float) -> None:
        self.in_flight -= 1
        for place, rate in enumerate(self.rates):
            if rate.of_tokens and not rate.counts_asked:
                self._count(place, call.tokens, at_s)

    def _count(self, place: int, amount: int, at_s: float) -> None:
        self._counted.setdefault(place, deque()).append((at_s, amount))
        self._sums[place] = self._sums.get(place, 0) + amount
        used = self._used(place, self.rates[place], at_s)
        self.is_overfull |= used > self.rates[place].most

    def _used(self, place: int, rate: Rate, at_s: float) -> int:
        log = self._counted.get(place, deque())
        since_s = self._since_s(rate, at_s)
        while log and log[0][0] <= since_s:
            self._sums[place] -= log.popleft()[1]
        return self._sums.get(place, 0)

    def _since_s(self, rate: Rate, at_s: float) -> float:
        if rate.is_fixed:
            return at_s - (at_s - rate.phase_s) % rate.per_s
        return at_s - rate.per_s

    def _freed_s(self, place: int, rate: Rate, at_s: float) -> float:
        if rate.is_fixed:
            return self._since_s(rate, at_s) + rate.per_s - at_s
        return self._counted[place][0][0] + rate.per_s - at_s

    def _refuse(self, fact: str, freed_s: float = 1.0) -> Reply:
        self.breaches += 1
        seconds = max(1, int(freed_s + 0.999))
        headers: dict[str, str] = {}
        message = "Too many requests"
        if self.words == "retry-after":
            headers = {"Retry-After": str(seconds)}
        elif self.words == "retry-after 0":
            headers = {"Retry-After": "0"}
        elif self.words == "headers":
            headers = {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": f"{seconds}s",
            }
        elif self.words == "moonshot":
            message = (
                f"Your account org-1 request reached {fact}, "
                f"please try again after {seconds} seconds"
            )
        error = {"type": "rate_limit_reached_error", "message": message}
        return read_reply(429, headers, json.dumps({"error": error}), unix_s=0.0)


class Controller(Protocol):
    """Whoever decides when a request goes out."""

    def want(self, request: str, session: str, call: Call, at_s: float, /) -> None: ...
    def refused(self, request: str, reply: Reply, at_s: float, /) -> None: ...
    def answered(self, request: str, at_s: float, /) -> None: ...
    def ended(self, request: str, tokens: int, at_s: float, /) -> None: ...
    def turn(self, at_s: float, /) -> tuple[list[str], float | None]: ...


class Played(NamedTuple):
    """What came of a job: when it was over, refusals, and when each session ended."""

    took_s: float
    requests: int
    refusals: int
    ended_s: dict[str, float]
    longest_wait_s: float


class Crowd:
    """Sessions that make one call after another, through a controller."""

    def __init__(
        self,
        provider: Provider,
        jobs: Sequence[tuple[float, Sequence[Call]]],
        seed: int,
    ) -> None:
        self.provider = provider
        self.jobs = jobs
        self._random = random.Random(seed)  # noqa: S311 a simulation, no secret
        self._events: list[tuple[float, int, str, str]] = []
        self._number = itertools.count()
        self._calls: dict[str, Call] = {}
        self._asked_s: dict[str, float] = {}
        self._ended_s: dict[str, float] = {}
        self._longest_wait_s = 0.0
        self._sent: set[str] = set()
        self._refusals: dict[str, Reply] = {}

    def run(self, controller: Controller) -> Played:
        for number, (begins_s, calls) in enumerate(self.jobs):
            self._next_call(f"s{number}", 0, begins_s + calls[0].pause_s)
        look_s: float | None = None
        at_s = 0.0
        while self._events or look_s is not None:
            event_s = self._events[0][0] if self._events else LONGEST_S
            if look_s is not None and look_s <= event_s:
                at_s = max(at_s, look_s)
            else:
                at_s, _, kind, request = heapq.heappop(self._events)
                getattr(self, f"_{kind}")(controller, request, at_s)
            if at_s >= LONGEST_S:
                raise AssertionError("the simulation does not come to an end")
            sent, look_s = controller.turn(at_s)
            for request in sent:
                self._send(request, at_s)
        requests = sum(len(calls) for _, calls in self.jobs)
        if len(self._ended_s) != len(self.jobs):
            raise AssertionError("some sessions never ended")
        return Played(
            max(self._ended_s.values()),
            requests,
            self.provider.breaches,
            self._ended_s,
            self._longest_wait_s,
        )

    def _latency_s(self) -> float:
        return self._random.uniform(*LATENCY_S)

    def _push(self, at_s: float, kind: str, request: str) -> None:
        heapq.heappush(self._events, (at_s, next(self._number), kind, request))

    def _next_call(self, session: str, place: int, at_s: float) -> None:
        request = f"{session}/{place}"
        self._calls[request] = self.jobs[int(session[1:])][1][place]
        self._push(at_s, "ask", request)

    def _send(self, request: str, at_s: float) -> None:
        if request not in self._sent:
            self._sent.add(request)
            waited_s = at_s - self._asked_s[request]
            self._longest_wait_s = max(self._longest_wait_s, waited_s)
        self._push(at_s + self._latency_s(), "arrive", request)

    def _ask(self, controller: Controller, request: str, at_s: float) -> None:
        self._asked_s[request] = at_s
        session = request.partition("/")[0]
        controller.want(request, session, self._calls[request], at_s)

    def _arrive(self, _controller: Controller, request: str, at_s: float) -> None:
        call = self._calls[request]
        refusal = self.provider.arrive(call, at_s)
        if refusal is not None:
            self._refusals[request] = refusal
            self._push(at_s + self._latency_s(), "refuse", request)
            return
        back_s = self._latency_s()
        self._push(at_s + call.first_byte_s + back_s, "begin", request)
        self._push(at_s + call.service_s, "leave", request)
        self._push(at_s + call.service_s + back_s, "end", request)

    def _refuse(self, controller: Controller, request: str, at_s: float) -> None:
        controller.refused(request, self._refusals.pop(request), at_s)

    def _begin(self, controller: Controller, request: str, at_s: float) -> None:
        controller.answered(request, at_s)

    def _leave(self, _controller: Controller, request: str, at_s: float) -> None:
        self.provider.leave(self._calls[request], at_s)

    def _end(self, controller: Controller, request: str, at_s: float) -> None:
        controller.ended(request, self._calls[request].tokens, at_s)
        session, _, place = request.partition("/")
        calls = self.jobs[int(session[1:])][1]
        if int(place) + 1 < len(calls):
            following = int(place) + 1
            self._next_call(session, following, at_s + calls[following].pause_s)
        else:
            self._ended_s[session] = at_s
