"""Whatever runs are simulated, every session ends, and no limit is ever passed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_swarm.core.schedule import (
    Agenda,
    Busy,
    Cancel,
    RunLimits,
    Snapshot,
    Start,
    Stop,
    Waiting,
    schedule,
)

PROFILES = ("demo", "kimi")
OUTCOMES = ("succeeded", "succeeded", "failed", "timed_out", "lost")
STOP_TAKES_S = 1.0

few = settings(max_examples=50)  # each is a whole life of many


class Job(NamedTuple):
    """A task and its fate, known beforehand to the simulation alone."""

    run: str
    task: str
    profile: str
    needs: tuple[str, ...]
    outcome: str
    takes_s: float
    killed_at: float | None

    @property
    def session(self) -> str:
        return f"{self.run}/{self.task}"


class World(NamedTuple):
    """Everything that is drawn: jobs in plan order and limits."""

    jobs: list[Job]
    runs: dict[str, RunLimits]
    machine_cap: int
    profile_caps: dict[str, int]
    profile_spacing_s: dict[str, float]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    jobs: list[Job] = []
    runs: dict[str, RunLimits] = {}
    for run in ("calm-river", "bold-oak")[: draw(st.integers(1, 2))]:
        ends_at = draw(st.none() | st.integers(1, 60).map(float))
        gap_s = draw(st.sampled_from([0.0, 0.0, 1.5]))
        runs[run] = RunLimits(draw(st.integers(1, 4)), gap_s, ends_at)
        names: list[str] = []
        for name in "abcdefgh"[: draw(st.integers(1, 8))]:
            needs = draw(st.sets(st.sampled_from(names), max_size=3)) if names else ()
            jobs.append(
                Job(
                    run,
                    name,
                    draw(st.sampled_from(PROFILES)),
                    tuple(sorted(needs)),
                    draw(st.sampled_from(OUTCOMES)),
                    draw(st.sampled_from([0.0, 0.5, 3.0, 10.0])),
                    draw(st.sampled_from([None, None, None, 0.0, 4.0, 11.0])),
                )
            )
            names.append(name)
    caps = st.dictionaries(st.sampled_from(PROFILES), st.integers(1, 3))
    gaps = st.dictionaries(st.sampled_from(PROFILES), st.sampled_from([0.0, 2.0]))
    return World(jobs, runs, draw(st.integers(1, 6)), draw(caps), draw(gaps))


@dataclass
class Simulation:
    """A supervisor's loop with a clock of its own and workers that only take time."""

    world: World
    at: float = 0.0
    ends_at: dict[str, float] = field(default_factory=dict)
    stopping: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    last_start_at: dict[str, float] = field(default_factory=dict)
    starts: list[tuple[float, Job]] = field(default_factory=list)

    def run(self) -> None:
        for _ in range(40 * len(self.world.jobs) + 40):
            agenda = self.turn()
            moments = [*self.ends_at.values(), *self.wishes_to_come()]
            if agenda.look_again_at is not None:
                assert agenda.look_again_at > self.at
                moments.append(agenda.look_again_at)
            if not moments:
                return
            self.at = min(moments)
            self.end_what_is_over()
        raise AssertionError("the simulation does not come to an end")

    def turn(self) -> Agenda:
        for _ in range(2 * len(self.world.jobs) + 2):
            agenda = schedule(self.snapshot())
            if not agenda.decisions:
                return agenda
            self.act(agenda)
            self.check_caps()
        raise AssertionError("decisions never cease")

    def act(self, agenda: Agenda) -> None:
        jobs = {job.session: job for job in self.world.jobs}
        for decision in agenda.decisions:
            job = jobs[decision.session]
            assert decision.session not in self.ended
            match decision:
                case Start():
                    self.start(job)
                case Cancel(reason=reason):
                    assert job.session not in self.ends_at
                    self.ended[job.session] = "cancelled"
                    self.reasons[job.session] = reason
                case Stop(cause=cause):
                    assert job.session not in self.stopping
                    self.stopping[job.session] = cause
                    self.ends_at[job.session] = self.at + STOP_TAKES_S

    def start(self, job: Job) -> None:
        assert job.session not in self.ends_at
        outcomes = {self.ended.get(f"{job.run}/{need}") for need in job.needs}
        assert outcomes <= {"succeeded"}
        self.starts.append((self.at, job))
        self.ends_at[job.session] = self.at + job.takes_s
        self.last_start_at[job.run] = self.last_start_at[job.profile] = self.at

    def end_what_is_over(self) -> None:
        for job in self.world.jobs:
            if self.ends_at.get(job.session, self.at + 1) <= self.at:
                del self.ends_at[job.session]
                cause = self.stopping.pop(job.session, None)
                self.ended[job.session] = "cancelled" if cause else job.outcome
                self.reasons[job.session] = cause or job.outcome

    def wish(self, job: Job) -> str | None:
        is_told = job.killed_at is not None and job.killed_at <= self.at
        return "killed" if is_told else None

    def wishes_to_come(self) -> list[float]:
        return [
            job.killed_at
            for job in self.world.jobs
            if job.killed_at is not None and job.killed_at > self.at
        ]

    def snapshot(self) -> Snapshot:
        live = [job for job in self.world.jobs if job.session not in self.ended]
        return Snapshot(
            at=self.at,
            waiting=[
                Waiting(
                    job.session, job.run, job.task, job.profile, job.needs,
                    self.wish(job),
                )
                for job in live
                if job.session not in self.ends_at
            ],
            busy=[
                Busy(
                    job.session, job.run, job.profile, self.wish(job),
                    job.session in self.stopping,
                )
                for job in live
                if job.session in self.ends_at
            ],
            runs=self.world.runs,
            task_outcomes={
                run: {
                    job.task: self.ended[job.session]
                    for job in self.world.jobs
                    if job.run == run and job.session in self.ended
                }
                for run in self.world.runs
            },
            machine_cap=self.world.machine_cap,
            profile_caps=self.world.profile_caps,
            profile_spacing_s=self.world.profile_spacing_s,
            last_start_at=self.last_start_at,
        )  # fmt: skip

    def check_caps(self) -> None:
        busy = [job for job in self.world.jobs if job.session in self.ends_at]
        assert len(busy) <= self.world.machine_cap
        for run, count in Counter(job.run for job in busy).items():
            assert count <= self.world.runs[run].concurrency
        for profile, count in Counter(job.profile for job in busy).items():
            assert count <= self.world.profile_caps.get(profile, count)


def simulated(world: World) -> Simulation:
    simulation = Simulation(world)
    simulation.run()
    return simulation


@given(worlds())
@few
def test_every_session_of_every_run_comes_to_an_end(world: World):
    assert set(simulated(world).ended) == {job.session for job in world.jobs}


@given(worlds())
@few
def test_starts_keep_their_distance_over_a_whole_run(world: World):
    starts = simulated(world).starts
    gaps = {run: limits.spacing_s for run, limits in world.runs.items()}
    for key, gap_s in {**gaps, **world.profile_spacing_s}.items():
        moments = [at for at, job in starts if key in (job.run, job.profile)]
        assert all(later - sooner >= gap_s for sooner, later in pairwise(moments))


@given(worlds())
@few
def test_what_a_failed_need_cancels_never_ran_and_nothing_else_is_so_cancelled(
    world: World,
):
    simulation = simulated(world)
    started = {job.session for _, job in simulation.starts}
    for job in world.jobs:
        needed = [simulation.ended[f"{job.run}/{need}"] for need in job.needs]
        all_succeeded = set(needed) <= {"succeeded"}
        if simulation.reasons[job.session] == "need_failed":
            assert job.session not in started
            assert not all_succeeded
        if job.session in started:
            assert all_succeeded
        elif all_succeeded:
            assert simulation.reasons[job.session] in ("killed", "run_time_limit")


@given(worlds())
@few
def test_a_kill_is_answered_soon(world: World):
    simulation = simulated(world)
    for job in world.jobs:
        if job.killed_at is not None:
            late = [at for at, each in simulation.starts if each is job]
            assert all(at < job.killed_at for at in late)


@given(worlds())
@few
def test_a_run_is_over_soon_after_its_time(world: World):
    simulation = Simulation(world)
    simulation.run()
    for at, job in simulation.starts:
        ends_at = world.runs[job.run].ends_at
        assert ends_at is None or at < ends_at


@given(worlds())
@few
def test_a_simulation_repeats_itself(world: World):
    assert simulated(world) == simulated(world)
