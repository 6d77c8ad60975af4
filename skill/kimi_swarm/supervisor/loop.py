"""One supervisor's life: look, decide, act, write down; sleep until it is rung."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import anyio
from anyio.abc import TaskGroup

from kimi_swarm.core.evidence import is_time_limit, remedy
from kimi_swarm.core.machine_room import Weight
from kimi_swarm.core.schedule import Cancel, Decision, Snapshot, Start, Stop, schedule
from kimi_swarm.core.session import Chosen, Ended, Move, Outcome
from kimi_swarm.core.steps import ClockSteps
from kimi_swarm.process.clock import now, steady
from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.launch import Zygote
from kimi_swarm.process.machine import MIB, cpus, free_bytes, memory_bytes
from kimi_swarm.process.ports import PortPool
from kimi_swarm.store.database import (
    Connection,
    transaction,
    words_for_errors,
)
from kimi_swarm.store.moves import Findings, move_session, set_asking
from kimi_swarm.store.pools import read_pools
from kimi_swarm.store.snapshot import last_starts, read_snapshot
from kimi_swarm.store.views import (
    SessionRow,
    is_paused,
    live_runs,
    live_sessions,
    run_row,
    session_row,
    wants_supervisor,
)
from kimi_swarm.supervisor.accounting import accounted
from kimi_swarm.supervisor.again import end_of, try_again
from kimi_swarm.supervisor.door import Door
from kimi_swarm.supervisor.environments import Environments
from kimi_swarm.supervisor.gatekeeper import Gatekeeper
from kimi_swarm.supervisor.ground import Ground
from kimi_swarm.supervisor.herald import Herald
from kimi_swarm.supervisor.judged import Judged
from kimi_swarm.supervisor.rationing import as_refused, last_words, mind
from kimi_swarm.supervisor.tend import Tender
from kimi_swarm.supervisor.warmup import WarmUps

MACHINE_CAP = 200
SETTLE_S = 0.003
HANDING_OVER_S = 5.0


class Supervisor:
    """Everything one state folder's supervisor holds while it lives."""

    def __init__(
        self,
        home: str,
        connection: Connection,
        environments: Environments,
        ground: Ground,
    ) -> None:
        self.home = home
        self.connection = connection
        self.zygote = Zygote()
        self.ports = PortPool()
        self.warm_ups = WarmUps(home, self.zygote)
        self.gatekeeper = Gatekeeper(home)
        self.door = Door(home, self._on_ring)
        self.herald = Herald(
            home, connection, ground, self.environment_of, on_settled=self.wake
        )
        self.environments = environments
        self.ground = ground
        self._tenders: dict[str, Tender] = {}
        self._chosen: list[SessionRow] = []
        self._steps = ClockSteps()
        self._machine = Weight(memory_bytes() / MIB, cpus())
        self._last_start_at: dict[str, float] = {}
        self._next_environment_at: float | None = None
        self._wake = anyio.Event()

    async def run(self, idle_s: float, on_ready: Callable[[], None]) -> None:
        """Work until there has been nothing to do for `idle_s` seconds.

        Calls `on_ready` when the door is open. Raises a group of StateError when the
        state cannot be read or written: what was begun goes on without us.
        """
        try:
            await self._run(idle_s, on_ready)
        finally:
            with anyio.CancelScope(shield=True):
                await self.zygote.aclose()
                await self.gatekeeper.aclose()

    async def _run(self, idle_s: float, on_ready: Callable[[], None]) -> None:
        async with anyio.create_task_group() as group:
            with words_for_errors(self.home):
                await group.start(self.door.serve)
            on_ready()
            with words_for_errors(self.home):
                self._last_start_at.update(last_starts(self.connection))
                self.gatekeeper.rules = read_pools(self.connection)
                self._take_over(group)
            group.start_soon(self.herald.run, name="herald")
            group.start_soon(self.gatekeeper.watch, name="gatekeeper")
            group.start_soon(self.gatekeeper.look, self.wake, name="pools")
            while True:
                look_again_at = self._turn(group)
                self.herald.look()
                with words_for_errors(self.home):
                    is_idle = not (self._tenders or wants_supervisor(self.connection))
                timeout_s = idle_s if is_idle else _seconds_until(look_again_at)
                if not await self._sleep(timeout_s) and is_idle:
                    break
            group.cancel_scope.cancel()

    def move(
        self, session: SessionRow, move: Move, findings: Findings | None = None
    ) -> SessionRow:
        """Write a session's next state, and let watchers know that it changed."""
        with words_for_errors(self.home), transaction(self.connection):
            row = move_session(self.connection, session, move, findings=findings)
            if isinstance(move, Ended):
                last_words(self.connection, row.run, at=move.at)
        self.door.tell_watchers()
        return row

    def finish(self, session: SessionRow, ended: Ended, judged: Judged) -> None:
        """Write a session's end, and queue another try if there should be one."""
        with words_for_errors(self.home), transaction(self.connection):
            chance = random.random()  # noqa: S311 it parts crowds, and hides nothing
            judged = as_refused(self.connection, session, judged, at=ended.at)
            ended = replace(
                ended, outcome=judged.verdict.outcome, reason=judged.verdict.reason
            )
            findings = try_again(
                self.connection, session, judged, at=ended.at, chance=chance
            )
            ended = end_of(ended, findings)
            findings = accounted(self.connection, session, findings, at=ended.at)
            move_session(self.connection, session, ended, findings=findings)
            last_words(self.connection, session.run, at=ended.at)
        self.door.tell_watchers()

    def note_question(self, session: str, question: str | None) -> None:
        """Write down what a worker waits to be answered, None when it was."""
        with words_for_errors(self.home):
            set_asking(self.connection, session, question, at=now())
        self.door.tell_watchers()

    def environment_of(self, run: str) -> Mapping[str, str]:
        """Return the environment from which a run's workers may take values."""
        return self.environments.of(run)

    def wake(self) -> None:
        """Look again soon."""
        self._wake.set()

    def forget(self, session: str) -> None:
        """Note that a session's tender has ended."""
        del self._tenders[session]
        self.wake()

    def _on_ring(self, run: str | None, env: dict[str, str]) -> None:
        # Who rings counts on us: better no answer than one of a supervisor that ends.
        self.ground.require()
        if run is not None:
            # Somebody asks for work: what pools bear may have been written anew.
            with words_for_errors(self.home):
                self.gatekeeper.rules = read_pools(self.connection)
            self.gatekeeper.try_again()
        if run is not None and env:
            self._keep_environment(run, env)
        self.wake()

    def _keep_environment(self, run: str, env: Mapping[str, str]) -> None:
        live = partial(live_runs, self.connection)
        for forgotten in self.environments.keep(run, env, live):
            self._last_start_at.pop(forgotten, None)

    def _take_over(self, group: TaskGroup) -> None:
        """Go on with what an earlier supervisor had begun."""
        for row in live_sessions(self.connection):
            if row.state != "queued":
                self.gatekeeper.take_over()
                self._tend(group, row)
                reach("supervisor.in_takeover")

    def _tend(self, group: TaskGroup, row: SessionRow) -> None:
        tender = Tender(self, row)
        self._tenders[row.id] = tender
        group.start_soon(tender.run, name=row.id)

    def _turn(self, group: TaskGroup) -> float | None:
        """Act on every decision there is now; return when to look without any event."""
        while True:
            self.ground.require()
            self._next_environment_at = None
            # In one transaction: what somebody changes between the look and the deed,
            # such as a budget that is raised, is never decided on as it was.
            with words_for_errors(self.home), transaction(self.connection):
                snapshot = self._look()
                agenda = schedule(snapshot)
                ends = [self._act(decision) for decision in agenda.decisions]
                has_news = mind(self.connection, snapshot, agenda)
            if has_news:
                self.door.tell_watchers()
            # Not before the commit: without it nobody was chosen.
            for row in self._chosen:
                self._tend(group, row)
            self._chosen.clear()
            if not any(ends):
                moments = (agenda.look_again_at, self._next_environment_at)
                return min((at for at in moments if at is not None), default=None)

    def _look(self) -> Snapshot:
        at = now()
        snapshot = read_snapshot(
            self.connection,
            at=at,
            machine_cap=MACHINE_CAP,
            last_start_at=self._last_start_at,
            free_mib=free_bytes(self.home) // MIB,
            pools=self.gatekeeper.rooms(at),
            machine=self._machine,
        )
        snapshot = replace(snapshot, draws=self.gatekeeper.drawn(snapshot.draws))
        return self._steps.corrected(snapshot, steady_at=steady())

    def _act(self, decision: Decision) -> bool:
        """Carry out one decision; whether it ended a session that others may need."""
        row = session_row(self.connection, decision.session)
        match decision:
            case Stop(cause=cause):
                self._tenders[row.id].stop(cause)
            case Start():
                # It may have been paused since we looked.
                if is_paused(self.connection, row.run):
                    return False
                if not self._has_environment(row.run):
                    return False
                at = now()
                row = self.move(row, Chosen(at))
                reach("supervisor.before_chosen")
                self._last_start_at[row.run] = at
                self._last_start_at[row.profile] = at
                self._chosen.append(row)
            case Cancel(reason=reason, detail=detail):
                outcome = Outcome.CANCELLED
                if is_time_limit(reason):
                    outcome = Outcome.TIMED_OUT
                told = {"sentence": detail, "remedy": remedy(reason)}
                known = Findings(detail={k: v for k, v in told.items() if v})
                self.move(row, Ended(now(), outcome, reason), known)
                return True
        return False

    def _has_environment(self, run: str) -> bool:
        """Whether a run's values are here, or whoever spawned it sends none any more.

        A run is seen in the store before its values arrive at the door.
        """
        if run in self.environments:
            return True
        row = run_row(self.connection, run)
        until_at = row.created_at + HANDING_OVER_S
        is_new = row.created_at <= now() < until_at  # a clock may have been set back
        if row.counts.keys() <= {"queued", "cancelled"} and is_new:
            self._next_environment_at = until_at
            return False
        self._keep_environment(run, self.environments.own)
        return True

    async def _sleep(self, timeout_s: float | None) -> bool:
        """Wait for the next event; whether there was one in time."""
        with anyio.move_on_after(timeout_s):
            await self._wake.wait()
        is_woken = self._wake.is_set()
        if is_woken:
            # Ends come in crowds: one look for all that happen at nearly the same time.
            await anyio.sleep(SETTLE_S)
        self._wake = anyio.Event()
        return is_woken


def _seconds_until(at: float | None) -> float | None:
    return None if at is None else max(0.0, at - now())
