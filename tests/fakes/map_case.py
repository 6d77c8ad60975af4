"""A map over many items whose processes are killed in the middle, again and again."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from fakes.aftermath import Aftermath
from fakes.swarm import LIMIT_S, Swarm, until
from fakes.victims import Victim, end_by_force, find_victims
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.views import SessionRow, latest_sessions

MORE = 10
AT_A_STRIKE = 5
"""How many shims, and how many workers, one strike ends beside the supervisor."""
RETRIES_BY_HAND = 3
PROMPT = (
    'Double {{ item.n }}.\nAnswer with `{"n": {{ item.n }}, "twice": {{ item.n * 2 }}}`'
)
SCHEMA = {
    "type": "object",
    "required": ["n", "twice"],
    "properties": {"n": {"type": "integer"}, "twice": {"type": "integer"}},
}


class MapTotals(NamedTuple):
    """What a map came to; `wrongs` should be empty.

    `sessions` counts all tries for the first items, `added` those for the further ones;
    `retried` is how many tasks were done again by hand.
    """

    items: int
    seconds: float
    kills: Counter[str]
    sessions: int
    outcomes: Counter[str]
    retried: int
    added: int
    added_seconds: float
    wrongs: list[str]


class MapCase:
    """One user with a file of items, and a run over it."""

    def __init__(self, swarm: Swarm, items: int, *, at_once: int, seed: int) -> None:
        self.swarm = swarm
        self.items = [{"n": number} for number in range(items)]
        self.at_once = at_once
        self.dice = random.Random(seed)  # noqa: S311 repeatable, not secret
        self.path = swarm.folder / "items.jsonl"
        self.run = ""
        self.kills: Counter[str] = Counter()
        self.retried = 0

    def play(self, strikes: int) -> MapTotals:
        """Map the items with so many strikes on the way, then ten more items."""
        began = time.monotonic()
        self._add(self.items)
        self._live_through(strikes)
        seconds = time.monotonic() - began
        wrongs = self._wrong_rows()
        before = self._aftermath().sessions
        count = len(self.items)
        self.items += [{"n": count + number} for number in range(MORE)]
        # They stand before the others in the file, and come after them all the same.
        self._add(self.items[count:] + self.items[:count])
        self.swarm.ended(self.run)
        after = self._aftermath()
        return MapTotals(
            items=count,
            seconds=seconds,
            kills=self.kills,
            sessions=len(before),
            outcomes=Counter(str(row.outcome) for row in before),
            retried=self.retried,
            added=len(after.sessions) - len(before),
            added_seconds=time.monotonic() - began - seconds,
            wrongs=[*wrongs, *self._wrong_rows(), *self._wrong_ends(after)],
        )

    def _live_through(self, strikes: int) -> None:
        store = open_database(str(self.swarm.home), create=False)
        assert store is not None
        try:
            for number in range(1, strikes + 1):
                self._reach(store, len(self.items) * number // (strikes + 1))
                self._strike(store)
            self._finish(store)
        finally:
            store.close()

    def _add(self, items: Sequence[dict[str, int]]) -> None:
        """Write the file, and map what of it the run does not have yet."""
        self.path.write_text("".join(f"{json.dumps(one)}\n" for one in items))
        words = [f"items=@{self.path}", f"prompt={PROMPT}"]
        words.append(f"result={json.dumps(SCHEMA)}")
        pairs = [f"--set={word}" for word in words]
        into = ["--into", self.run] if self.run else ["--concurrency", self.at_once]
        told = self.swarm.ask(
            *("spawn", "--strategy", "map", "--profile", "demo", *pairs, *into)
        )
        self.run = str(told["run"])

    def _reach(self, store: Connection, wanted: int) -> None:
        """Wait until so many items have their result."""

        def look() -> bool:
            return (
                sum(row.is_fine for row in latest_sessions(store, self.run)) >= wanted
            )

        until(look, limit_s=LIMIT_S * 10)

    def _strike(self, store: Connection) -> None:
        """Kill the supervisor, and some shims and workers; the next action goes on."""

        def look() -> dict[str, list[Victim]]:
            kinds: dict[str, list[Victim]] = {}
            home = self.swarm.home
            for kind, one in find_victims("everything", home, store, self.dice):
                kinds.setdefault(kind, []).append(one)
            return kinds if {"shim", "worker"} <= set(kinds) else {}

        kinds = until(look)
        # Not the workers of these shims: what a killed shim leaves is ended anyway.
        chosen = {
            "supervisor": kinds["supervisor"],
            "shim": kinds["shim"][:AT_A_STRIKE],
            "worker": kinds["worker"][-AT_A_STRIKE:],
        }
        for kind, victims in chosen.items():
            self.kills[kind] += sum(map(end_by_force, victims))
        self.swarm.call("list")

    def _finish(self, store: Connection) -> None:
        """Let the run end; what was lost for good is done again by hand."""
        for _ in range(RETRIES_BY_HAND):
            self.swarm.call("wait", self.run, limit_s=LIMIT_S * 20, code=None)
            rows = latest_sessions(store, self.run)
            failed = sum(not row.is_fine for row in rows)
            if not failed:
                return
            self.retried += failed
            self.swarm.call("retry", self.run)
        self.swarm.call("wait", self.run, limit_s=LIMIT_S * 20, code=None)

    def _wrong_rows(self) -> list[str]:
        """Compare the table with the items: one row each, in order, none more."""
        told = self.swarm.call("aggregate", self.run, "--table", "jsonl").out
        rows = [json.loads(line)["result"] for line in told.splitlines()]
        wanted = [{"n": one["n"], "twice": one["n"] * 2} for one in self.items]
        if rows == wanted:
            return []
        pairs = enumerate(zip(rows, wanted, strict=False))
        differ = [at for at, (row, want) in pairs if row != want]
        return [f"{len(rows)} rows for {len(wanted)} items; not as wanted: {differ}"]

    def _aftermath(self) -> Aftermath:
        return Aftermath(self.swarm.home, [self.run])

    def _wrong_ends(self, after: Aftermath) -> list[str]:
        until(lambda: not self.swarm.processes())
        return [
            *not_once(after.sessions),
            *after.bad_ends,
            *after.bad_replays,
            *after.bad_exit_codes,
            *after.left_files(),
            *self.swarm.log_of_supervisor().splitlines(),
        ]


def not_once(rows: Sequence[SessionRow]) -> list[str]:
    """Name the tasks with another number of successes than one, or tries that met."""
    wrong: list[str] = []
    tries: dict[str, list[SessionRow]] = {}
    for row in sorted(rows, key=lambda row: row.attempt):
        tries.setdefault(row.task, []).append(row)
    for task, each in tries.items():
        count = sum(row.outcome == "succeeded" for row in each)
        if count != 1 or each[-1].outcome != "succeeded":
            wrong.append(f"{task} succeeded {count} times in {len(each)} tries")
        for one, other in pairwise(each):
            if (other.started_at or 0) < (one.ended_at or 0):
                wrong.append(f"{other.id} began before {one.id} was over")
    return wrong
