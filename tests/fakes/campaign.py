"""Random campaigns: work flows, and at random moments something is killed.

Same seed, same plans and same draws; what a draw meets is up to the machine.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fakes.aftermath import Aftermath, left_worktrees
from fakes.chores import (
    Chore,
    Ledger,
    draw_chores,
    not_tried_again,
    unexplained,
    written,
)
from fakes.swarm import LIMIT_S, Swarm
from fakes.victims import Victim, end_by_force, find_victims
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.views import live_runs, live_sessions, recent_runs

TASKS = 80
RUNS_AT_ONCE = 3
CONCURRENCY = 6
RETRY_DELAY_S = 0.1
SUPERVISOR_LIVES_S = 0.5
OTHERS_LIVE_S = 0.08
DEAF_S = 0.3
DRAIN_LIMIT_S = 300.0


class Totals(NamedTuple):
    """What a campaign did and found; every list of wrongs should be empty.

    A strike against everything is several kills at once; `in_flight` sums the sessions
    by state that were under way at each strike.
    """

    seed: int
    wall_s: float
    runs: int
    strikes: int
    kills: Counter[str]
    in_flight: Counter[str]
    outcomes: Counter[str]
    doubles: list[str]
    wrong_ends: list[str]
    wrong_exit_codes: list[str]
    wrong_replays: list[str]
    left: list[str]
    log: str

    @property
    def sessions(self) -> int:
        """How many sessions there were."""
        return sum(self.outcomes.values())

    @property
    def wrongs(self) -> list[str]:
        """All that is wrong, in sentences."""
        return [
            *(f"{session} ran twice" for session in self.doubles),
            *self.wrong_ends,
            *self.wrong_exit_codes,
            *self.wrong_replays,
            *self.left,
            *self.log.splitlines(),
        ]


class Campaign:
    """One state folder on which work flows while something is killed."""

    def __init__(
        self, swarm: Swarm, victims: Sequence[str], seed: int, *, retries: int = 0
    ) -> None:
        self.swarm = swarm
        self.retries = retries
        self.victims = victims
        self.seed = seed
        self.dice = random.Random(seed)  # noqa: S311 repeatable, not secret
        self.plans: dict[str, dict[str, Chore]] = {}
        self.kills: Counter[str] = Counter()
        self.strikes = 0
        self.in_flight: Counter[str] = Counter()
        self.struck: set[tuple[str, str]] = set()
        self.spawning: subprocess.Popen[str] | None = None
        (swarm.folder / "held").mkdir()
        swarm.repository()

    def run(self, *, kills: int, sessions: int) -> Totals:
        """Strike at least so often while at least so many sessions flow; then look."""
        began = time.monotonic()
        self._feed()
        self._heed_spawn()
        store = open_database(str(self.swarm.home), create=False)
        assert store is not None
        try:
            while self.strikes < kills or len(self.plans) * TASKS < sessions:
                if len(live_runs(store)) < RUNS_AT_ONCE:
                    self._feed()
                if self.strikes < kills:
                    self._strike(store)
                else:
                    self.swarm.call("list")
            self._heed_spawn()
            self._drain(store)
        finally:
            store.close()
        return self._totals(time.monotonic() - began)

    def _feed(self) -> None:
        """Spawn another plan beside, unless one is being spawned."""
        if self.spawning is not None and self.spawning.poll() is None:
            return
        self._heed_spawn()
        name = f"plan-{len(self.plans)}"
        self.plans[name] = draw_chores(self.dice, TASKS)
        plan = self.swarm.plan(
            written(self.plans[name], self.swarm.folder, name),
            name=name,
            defaults={
                "profile": "command",
                "retries": self.retries,
                "retry_delay_s": RETRY_DELAY_S,
            },
            limits={"concurrency": CONCURRENCY, "spacing_s": 0},
        )
        self.spawning = self.swarm.start("spawn", plan)

    def _heed_spawn(self) -> None:
        if self.spawning is not None:
            _heed(self.spawning)
            self.spawning = None

    def _strike(self, store: Connection) -> None:
        """Kill one process, or all there are, at a random moment."""
        kind = self.dice.choice(self.victims)
        caller = None
        if kind in ("supervisor", "everything"):
            caller = self.swarm.start("list")  # the next action brings the next one
            time.sleep(self.dice.uniform(0, SUPERVISOR_LIVES_S))
        else:
            time.sleep(self.dice.uniform(0, OTHERS_LIVE_S))
        deadline = time.monotonic() + DEAF_S
        found: list[tuple[str, Victim]] = []
        while not found and time.monotonic() < deadline:
            found = find_victims(kind, self.swarm.home, store, self.dice)
        ended = [(name, one) for name, one in found if end_by_force(one)]
        if ended:
            self.strikes += 1
            self.kills.update(name for name, _ in ended)
            self.struck |= {(name, one.session) for name, one in ended if one.session}
            self.in_flight.update(
                row.state for row in live_sessions(store) if row.state != "queued"
            )
        if caller is not None:
            _heed(caller)

    def _drain(self, store: Connection) -> None:
        """Let everything come to its end, and the supervisor to its own."""
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while (runs := live_runs(store)) and time.monotonic() < deadline:
            self.swarm.call("wait", runs[0], "--timeout-s", LIMIT_S / 2, code=None)
        assert not runs, f"still running: {runs}"

    def _totals(self, wall_s: float) -> Totals:
        store = open_database(str(self.swarm.home), create=False)
        assert store is not None
        names = {run.id: run.name for run in recent_runs(store, limit=10**6)}
        store.close()
        aftermath = Aftermath(self.swarm.home, list(names))
        ledger = Ledger(self.swarm.folder / "ledger")
        outcomes: dict[str, dict[str, str | None]] = {run: {} for run in names}
        for row in aftermath.sessions:
            outcomes[row.run][row.task] = row.outcome
        odd = (
            unexplained(row, chore, ledger, outcomes[row.run], self.struck)
            for row in aftermath.sessions
            for chore in [self.plans[names[row.run]][row.task]]
        )
        missing = set(self.plans) - set(names.values())
        return Totals(
            seed=self.seed,
            wall_s=wall_s,
            runs=len(names),
            strikes=self.strikes,
            kills=self.kills,
            in_flight=self.in_flight,
            outcomes=aftermath.outcomes(),
            doubles=ledger.doubles,
            wrong_ends=[
                *aftermath.bad_ends,
                *filter(None, odd),
                *not_tried_again(aftermath.sessions, self.retries),
                *(f"{name} was never spawned" for name in missing),
            ],
            wrong_exit_codes=aftermath.bad_exit_codes,
            wrong_replays=aftermath.bad_replays,
            left=self._left(aftermath),
            log=self.swarm.log_of_supervisor(),
        )

    def _left(self, aftermath: Aftermath) -> list[str]:
        with_patience = time.monotonic() + LIMIT_S / 2
        while self.swarm.processes() and time.monotonic() < with_patience:
            time.sleep(0.05)
        processes = [f"process {pid} is left" for pid in self.swarm.processes()]
        repository = Path(self.swarm.folder / "repo")
        return [*processes, *aftermath.left_files(), *left_worktrees(repository)]


def _heed(command: subprocess.Popen[str]) -> None:
    """Let a command come to its end, and see that it did what it was asked for."""
    out, err = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 0, (command.args, out, err)
    assert "Traceback" not in err, err
