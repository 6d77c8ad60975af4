"""What to start, cancel and stop next: a pure answer to a snapshot.

Times are seconds on any one clock that never goes back within a supervisor's life.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kimi_swarm.core.allowance import (
    REASON,
    Allowance,
    Allowances,
    Hold,
    Seeker,
    seeker_of,
)
from kimi_swarm.core.machine_room import UNBOUNDED, MachineRoom, Weight
from kimi_swarm.core.pool_room import SHUT, Draw, PoolRoom, PoolRooms, Wait

NOT_NEEDED = "not_needed"
"""Why a task is cancelled that nobody wants: no failure of anything."""

SPACE_STEP_S = 5.0
"""How soon to look again whether a full disk has room."""
SPEND_STEP_S = 1.0
"""How soon to look again at what is spent by what works."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued session: what it needs and what it would occupy.

    `follows_live` is true while the session whose conversation it continues lives.
    After `queue_until_at` it has waited too long for a place, if its needs are met;
    `is_wanted` is whether their results say that it is wanted at all.
    """

    session: str
    run: str
    task: str
    profile: str
    needs: tuple[str, ...] = ()
    stop_wish: str | None = None
    ready_at: float = 0.0
    follows_live: bool = False
    queue_until_at: float | None = None
    is_wanted: bool = True
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Busy:
    """A session that holds a place: starting, running or stopping."""

    session: str
    run: str
    profile: str
    stop_wish: str | None = None
    is_stopping: bool = False


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Limits of one run: sessions at once, seconds between starts, moment it ends.

    A paused run starts nothing, nor does any on a disk with less room than it wants.
    """

    concurrency: int
    spacing_s: float = 0.0
    ends_at: float | None = None
    is_paused: bool = False
    min_free_mib: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the scheduler looks at.

    `waiting` is in the order in which sessions should start. `task_outcomes` holds,
    per run, the final outcome of tasks that are over. `last_start_at` holds the last
    start per run id and per profile name. `free_mib` is the room on the disk. `pools`
    tells how providers' pools stand, `draws` which ones a run's sessions of a profile
    draw on, `allowances` how budgets stand. `weights` holds what a worker of each
    profile takes of the `machine`.
    """

    at: float
    waiting: Sequence[Waiting]
    busy: Sequence[Busy]
    runs: Mapping[str, RunLimits]
    task_outcomes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    machine_cap: int = 1000
    profile_caps: Mapping[str, int] = field(default_factory=dict)
    profile_spacing_s: Mapping[str, float] = field(default_factory=dict)
    last_start_at: Mapping[str, float] = field(default_factory=dict)
    free_mib: int = sys.maxsize
    pools: Mapping[str, PoolRoom] = field(default_factory=dict)
    draws: Mapping[Draw, tuple[str, ...]] = field(default_factory=dict)
    allowances: Sequence[Allowance] = ()
    machine: Weight = UNBOUNDED
    weights: Mapping[str, Weight] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """Give this session its place."""

    session: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """End this queued session without starting it; `detail` is a sentence or empty."""

    session: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell this session's worker to end."""

    session: str
    cause: str


Decision = Start | Cancel | Stop


@dataclass(frozen=True, slots=True)
class Agenda:
    """Decisions for now, and the moment at which to look again without any event.

    `held` are runs of which nothing starts as a budget is gone, or as a pool sends
    nothing for long.
    """

    decisions: tuple[Decision, ...]
    look_again_at: float | None = None
    held: Mapping[str, Hold] = field(default_factory=dict)


def schedule(snapshot: Snapshot) -> Agenda:
    """Decide what to start, cancel and stop now."""
    turn = _Turn(snapshot)
    for busy in snapshot.busy:
        turn.consider_stop(busy)
    for waiting in snapshot.waiting:
        turn.consider_start(waiting)
    for run, limits in snapshot.runs.items():
        if limits.ends_at is not None and turn.lives_on(run):
            turn.look_at(limits.ends_at)
    if snapshot.allowances and snapshot.busy:
        turn.look_at(snapshot.at + SPEND_STEP_S)
    return Agenda(tuple(turn.decisions), turn.look_again_at, turn.held_runs())


class _Turn:
    """One pass over a snapshot, counting places as it gives them away."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.decisions: list[Decision] = []
        self.look_again_at: float | None = None
        self.total = len(snapshot.busy)
        self.by_run = Counter(busy.run for busy in snapshot.busy)
        self.by_profile = Counter(busy.profile for busy in snapshot.busy)
        self.last_start_at = dict(snapshot.last_start_at)
        busy = [(each.run, each.profile) for each in snapshot.busy]
        self.pools = PoolRooms(snapshot.pools, snapshot.draws, busy)
        profiles = [each.profile for each in snapshot.busy]
        self.machine = MachineRoom(snapshot.machine, snapshot.weights, profiles)
        self.allowances = Allowances(
            snapshot.allowances,
            [seeker_of(busy.session, busy.profile) for busy in snapshot.busy],
        )
        self.held: dict[str, Hold] = {}
        self.could: set[str] = set()
        self.live = {busy.run for busy in snapshot.busy if not busy.is_stopping}
        self.live.update(waiting.run for waiting in snapshot.waiting)
        self.ended = {
            run
            for run, limits in snapshot.runs.items()
            if limits.ends_at is not None and snapshot.at >= limits.ends_at
        }

    def lives_on(self, run: str) -> bool:
        return run not in self.ended and run in self.live

    def look_at(self, at: float) -> None:
        if self.look_again_at is None or at < self.look_again_at:
            self.look_again_at = at

    def consider_stop(self, busy: Busy) -> None:
        if busy.is_stopping:
            return
        if busy.stop_wish is not None:
            self.decisions.append(Stop(busy.session, busy.stop_wish))
        elif busy.run in self.ended:
            self.decisions.append(Stop(busy.session, "run_time_limit"))
        elif self.allowances.is_to_end(seeker_of(busy.session, busy.profile)):
            self.decisions.append(Stop(busy.session, REASON))

    def consider_start(self, waiting: Waiting) -> None:
        reason = self.reason_to_cancel(waiting)
        if reason is not None:
            self.decisions.append(Cancel(waiting.session, *reason))
        elif self.may_start(waiting):
            self.consider_place(waiting)

    def may_start(self, waiting: Waiting) -> bool:
        is_paused = self.snapshot.runs[waiting.run].is_paused
        return not is_paused and self.needs_met(waiting)

    def consider_place(self, waiting: Waiting) -> None:
        wait = self.pools.wait((waiting.run, waiting.profile), self.snapshot.at)
        if wait is not None and wait.reason is not None:
            self.decisions.append(Cancel(waiting.session, SHUT, wait.reason))
            return
        if self.is_held(waiting, wait):
            return
        until_at = waiting.queue_until_at
        is_late = until_at is not None and self.snapshot.at >= until_at
        ready_at = self.ready_at(waiting)
        if self.snapshot.free_mib < self.snapshot.runs[waiting.run].min_free_mib:
            self.look_at(self.snapshot.at + SPACE_STEP_S)
        elif wait is not None:
            if wait.until_at is not None:
                self.look_at(wait.until_at)
        elif self.has_room(waiting) and self.machine.bears(
            waiting.profile, max(ready_at, self.snapshot.at)
        ):
            if ready_at <= self.snapshot.at:
                self.start(waiting)
                return
            self.look_at(ready_at)
        if is_late:
            detail = "It waited longer for a place than queue_s allows."
            self.decisions.append(Cancel(waiting.session, "queue_time", detail))
        elif until_at is not None:
            self.look_at(until_at)

    def is_held(self, waiting: Waiting, wait: Wait | None) -> bool:
        """Whether a budget keeps it from starting; it waits on, however long.

        What a pool makes wait for long is noted as well.
        """
        seeker = Seeker(waiting.run, waiting.task, waiting.profile)
        hold = self.allowances.hold(seeker)
        if hold is None:
            if wait is not None and wait.words:
                self.held.setdefault(waiting.run, Hold(wait.words, wait.until_at))
            else:
                self.could.add(waiting.run)
            return self.allowances.is_crowded(seeker)
        self.held.setdefault(waiting.run, hold)
        if hold.until_at is not None:
            self.look_at(hold.until_at)
        return True

    def held_runs(self) -> dict[str, Hold]:
        """Return the runs of which nothing starts for long."""
        return {run: hold for run, hold in self.held.items() if run not in self.could}

    def reason_to_cancel(self, waiting: Waiting) -> tuple[str, str] | None:
        if waiting.stop_wish is not None:
            return waiting.stop_wish, ""
        if waiting.run in self.ended:
            return "run_time_limit", "The run's time was up before it could start."
        outcomes = self.snapshot.task_outcomes.get(waiting.run, {})
        for need in waiting.needs:
            outcome = outcomes.get(need, "succeeded")
            if outcome == NOT_NEEDED:
                return NOT_NEEDED, f"It builds on {need}, which was not needed."
            if outcome != "succeeded":
                return "need_failed", f"It needs {need}, which is {outcome}."
        if not waiting.is_wanted and self.needs_met(waiting):
            return NOT_NEEDED, "The results that it waits on did not ask for it."
        return None

    def needs_met(self, waiting: Waiting) -> bool:
        if waiting.follows_live:
            return False
        outcomes = self.snapshot.task_outcomes.get(waiting.run, {})
        return all(outcomes.get(need) == "succeeded" for need in waiting.needs)

    def has_room(self, waiting: Waiting) -> bool:
        caps = self.snapshot.profile_caps
        profile_cap = caps.get(waiting.profile, self.snapshot.machine_cap)
        return (
            self.total < self.snapshot.machine_cap
            and self.by_run[waiting.run] < self.snapshot.runs[waiting.run].concurrency
            and self.by_profile[waiting.profile] < profile_cap
        )

    def ready_at(self, waiting: Waiting) -> float:
        spacing_s = self.snapshot.profile_spacing_s.get(waiting.profile, 0.0)
        moments = [waiting.ready_at]
        for key, gap_s in (
            (waiting.run, self.snapshot.runs[waiting.run].spacing_s),
            (waiting.profile, spacing_s),
        ):
            if gap_s > 0 and key in self.last_start_at:
                moments.append(self.last_start_at[key] + gap_s)
        return max(moments)

    def start(self, waiting: Waiting) -> None:
        self.decisions.append(Start(waiting.session))
        self.pools.start((waiting.run, waiting.profile))
        self.allowances.start(Seeker(waiting.run, waiting.task, waiting.profile))
        self.machine.start(waiting.profile)
        self.total += 1
        self.by_run[waiting.run] += 1
        self.by_profile[waiting.profile] += 1
        self.last_start_at[waiting.run] = self.snapshot.at
        self.last_start_at[waiting.profile] = self.snapshot.at
