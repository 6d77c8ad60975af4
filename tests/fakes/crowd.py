"""Many people and agents at one state folder at once, each calling verb after verb."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from fakes.swarm import LIMIT_S, Swarm

CALL_LIMIT_S = 2 * LIMIT_S
ASKERS = 7
SPAWN_FIRST = 10
"""One caller in so many begins with a run; the others look what there is."""
OK, NOT_ALL, REFUSED, OUT_OF_TIME = 0, 1, 2, 124
# What somebody may be told who speaks of a run that another has just ended or cleared.
OVERTAKEN = frozenset({"unknown_run", "unknown_session", "run_live"})
TASKS = {
    "a": {"argv": ["true"], "workspace": "none"},
    "b": {"argv": ["echo", "b"], "workspace": "none", "needs": ["a"]},
    "c": {"argv": ["sleep", "0.3"], "workspace": "none"},
}


class Call(NamedTuple):
    """One call as it ended; `error` is the code that it told, if it told one."""

    verb: str
    code: int
    error: str
    took_s: float
    told: str

    @property
    def is_as_it_should(self) -> bool:
        """Whether it ended as asked, or was refused for what others had done."""
        if "Traceback" in self.told or "locked" in self.told or "busy" in self.told:
            return False
        if self.code == REFUSED:
            return self.error in OVERTAKEN | _REFUSALS.get(self.verb, frozenset())
        return self.code in _CODES.get(self.verb, (OK,))


_CODES = {
    "wait": (OK, NOT_ALL, OUT_OF_TIME),
    "poll RUN": (OK, OUT_OF_TIME),
}
_REFUSALS = {"pause": frozenset({"run_over"}), "resume": frozenset({"run_over"})}


class Crowd:
    """Some callers who know of each other's runs; what they saw is kept in `calls`."""

    def __init__(self, swarm: Swarm, *, seed: int = 0) -> None:
        self.swarm = swarm
        self.calls: list[Call] = []
        self._plan = swarm.plan(TASKS, defaults={"profile": "command"})
        self._seed = seed
        self._lock = threading.Lock()
        self._runs: list[str] = []

    def work(self, callers: int, *, seconds: float) -> None:
        """Let so many call at once, one verb after the other, for a time."""
        # Once alone: fifty would all compile the code at their first call.
        self._call("spawn", "spawn", self._plan)
        self._call("wait", "wait", self._runs[0])
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(lambda number: self._call_on(number, until), range(callers)))

    def _call_on(self, number: int, until: float) -> None:
        dice = random.Random(self._seed * 1_000 + number)  # noqa: S311 only variety
        asker = f"host-{number % ASKERS}"
        verb = "list" if number % SPAWN_FIRST else "spawn"
        while time.monotonic() < until:
            with self._lock:
                run = dice.choice(self._runs) if self._runs else ""
            if not run and verb not in ("list", "spawn"):
                verb = "list"
            words = _WORDS[verb][1](run, asker)
            self._call(verb, *words or ("spawn", self._plan))
            (verb,) = dice.choices(
                list(_WORDS), [weight for weight, _ in _WORDS.values()]
            )

    def _call(self, verb: str, *words: object) -> None:
        began = time.monotonic()
        # Each in a session of its own, as at a terminal: Linux shares processor time by
        # sessions first, and those in ours would starve beside the others.
        caller = self.swarm.start(*words, "--json", start_new_session=True)
        with caller:
            out, err = caller.communicate(timeout=CALL_LIMIT_S)
        took_s = time.monotonic() - began
        answer = json.loads(out) if out.strip() else {}
        error = answer.get("error", {}).get("code", "")
        told = err if caller.returncode in (OK, NOT_ALL) else out + err
        call = Call(verb, caller.returncode, error, took_s, told)
        with self._lock:
            self.calls.append(call)
            if verb == "spawn" and call.code == OK:
                self._runs.append(answer["run"])
            elif verb == "clear" and call.code == OK:
                self._runs = [run for run in self._runs if run != words[1]]

    def misses(self) -> list[Call]:
        """Return the calls that ended as they should not."""
        return [call for call in self.calls if not call.is_as_it_should]

    def slowest(self) -> dict[str, float]:
        """Return the longest call of each verb, in seconds."""
        took_s: defaultdict[str, float] = defaultdict(float)
        for call in self.calls:
            took_s[call.verb] = max(took_s[call.verb], call.took_s)
        return dict(took_s)

    def counts(self) -> Counter[str]:
        """Return how many calls of each verb were made."""
        return Counter(call.verb for call in self.calls)


# How often a verb is called, and its words about a run by an asker.
_WORDS: dict[str, tuple[int, Callable[[str, str], tuple[str, ...]]]] = {
    "spawn": (3, lambda _run, _who: ()),
    "list": (4, lambda _run, _who: ("list",)),
    "list RUN": (3, lambda run, _who: ("list", run)),
    "poll RUN": (5, lambda run, who: ("poll", run, "--as", who, "--timeout-s", "1")),
    "poll SESSION": (3, lambda run, who: ("poll", f"{run}/b", "--as", who)),
    "log": (2, lambda run, _who: ("log", f"{run}/b")),
    "wait": (3, lambda run, _who: ("wait", run, "--timeout-s", "2")),
    "kill RUN": (1, lambda run, _who: ("kill", run)),
    "kill SESSION": (2, lambda run, _who: ("kill", f"{run}/c")),
    "pause": (1, lambda run, _who: ("pause", run)),
    "resume": (2, lambda run, _who: ("resume", run)),
    "retry": (1, lambda run, _who: ("retry", run)),
    "clear": (2, lambda run, _who: ("clear", run)),
}
