"""What may start, must stop or has to wait, for any snapshot there could be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.machine_room import Weight
from kimi_swarm.core.schedule import (
    SPACE_STEP_S,
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

T = TypeVar("T", Start, Cancel, Stop)
RUNS = ("calm-river", "bold-oak")
PROFILES = ("demo", "kimi")
TASKS = tuple("abcdef")
OUTCOMES = ("succeeded", "failed", "cancelled", "timed_out", "lost")
NOW = 100.0
MACHINE = Weight(1000, 4)
WEIGHTS = {"demo": Weight(100, 0.5), "kimi": Weight(600, 1 / 3)}

moments = st.integers(90, 120).map(float)
ready_moments = st.just(0.0) | st.just(0.0) | moments
gaps = st.sampled_from([0.0, 0.0, 0.0, 0.5, 5.0])
wishes = st.sampled_from([None] * 7 + ["killed"])


def named(snapshot: Snapshot) -> dict[str, Waiting]:
    return {waiting.session: waiting for waiting in snapshot.waiting}


def of(agenda: Agenda, kind: type[T]) -> list[T]:
    return [each for each in agenda.decisions if isinstance(each, kind)]


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw tasks of two runs, each waiting, busy or over."""
    waiting: list[Waiting] = []
    busy: list[Busy] = []
    outcomes: dict[str, dict[str, str]] = {run: {} for run in RUNS}
    for run in RUNS:
        for place, task in enumerate(TASKS[: draw(st.integers(0, len(TASKS)))]):
            session, profile = f"{run}/{task}", draw(st.sampled_from(PROFILES))
            match draw(st.sampled_from(["waiting", "waiting", "busy", "over"])):
                case "waiting":
                    several = st.sets(st.sampled_from(TASKS[:place] or "-"), max_size=2)
                    needs = tuple(draw(several)) if place else ()
                    one = Waiting(
                        *(session, run, task, profile, needs),
                        stop_wish=draw(wishes),
                        ready_at=draw(ready_moments),
                        queue_until_at=draw(st.none() | st.none() | moments),
                    )
                    waiting.append(one)
                case "busy":
                    wish = draw(wishes)
                    busy.append(Busy(session, run, profile, wish, draw(st.booleans())))
                case _:
                    outcomes[run][task] = draw(st.sampled_from(OUTCOMES))
    limits = st.builds(
        RunLimits,
        st.integers(1, 4),
        gaps,
        ends_at=st.none() | st.none() | moments,
        is_paused=st.sampled_from([False, False, False, True]),
        min_free_mib=st.sampled_from([0, 500]),
    )
    return Snapshot(
        at=NOW,
        waiting=waiting,
        busy=busy,
        runs={run: draw(limits) for run in RUNS},
        task_outcomes=outcomes,
        machine_cap=draw(st.integers(1, 8)),
        profile_caps=draw(
            st.dictionaries(st.sampled_from(PROFILES), st.integers(1, 3))
        ),
        profile_spacing_s=draw(st.dictionaries(st.sampled_from(PROFILES), gaps)),
        last_start_at=draw(
            st.dictionaries(
                st.sampled_from(RUNS + PROFILES), st.integers(90, 100).map(float)
            )
        ),
        free_mib=draw(st.sampled_from([100, 10_000, 10_000])),
        machine=MACHINE,
        weights=draw(st.sampled_from([{}, WEIGHTS])),
    )


def has_ended(snapshot: Snapshot, run: str) -> bool:
    ends_at = snapshot.runs[run].ends_at
    return ends_at is not None and snapshot.at >= ends_at


def is_late(snapshot: Snapshot, waiting: Waiting) -> bool:
    """Whether nothing but a place is wanting, and for too long."""
    until_at = waiting.queue_until_at
    return (
        until_at is not None
        and snapshot.at >= until_at
        and not snapshot.runs[waiting.run].is_paused
        and None not in needed_outcomes(snapshot, waiting)
    )


def needed_outcomes(snapshot: Snapshot, waiting: Waiting) -> list[str | None]:
    outcomes = snapshot.task_outcomes[waiting.run]
    return [outcomes.get(need) for need in waiting.needs]


@given(snapshots())
def test_the_same_snapshot_gets_the_same_answer(snapshot: Snapshot):
    assert schedule(snapshot) == schedule(snapshot)


@given(snapshots())
def test_no_cap_is_ever_passed_by_a_start(snapshot: Snapshot):
    started = [named(snapshot)[each.session] for each in of(schedule(snapshot), Start)]
    if not started:
        return
    holding: list[Busy | Waiting] = [*snapshot.busy, *started]
    by_run = Counter(each.run for each in holding)
    by_profile = Counter(each.profile for each in holding)
    assert len(holding) <= snapshot.machine_cap
    for each in started:
        assert by_run[each.run] <= snapshot.runs[each.run].concurrency
        cap = snapshot.profile_caps.get(each.profile, snapshot.machine_cap)
        assert by_profile[each.profile] <= cap


@given(snapshots())
def test_workers_of_all_kinds_take_no_more_than_the_machine_has(snapshot: Snapshot):
    started = [named(snapshot)[each.session] for each in of(schedule(snapshot), Start)]
    holding: list[Busy | Waiting] = [*snapshot.busy, *started]
    taken = [snapshot.weights.get(each.profile, Weight()) for each in holding]
    if len(started) > 0 and len(holding) > 1:
        assert sum(one.memory_mib for one in taken) <= MACHINE.memory_mib
        assert sum(one.cores for one in taken) <= MACHINE.cores + 1e-6


def test_a_heavy_worker_has_the_next_room_and_no_lighter_one_takes_it():
    heavy = Waiting("calm-river/a", "calm-river", "a", "kimi")
    light = Waiting("calm-river/b", "calm-river", "b", "demo")
    free = Waiting("calm-river/c", "calm-river", "c", "command")
    busy = (Busy("bold-oak/a", "bold-oak", "kimi"),)
    weighed = replace(
        a_snapshot(heavy, light, free), busy=busy, machine=MACHINE, weights=WEIGHTS
    )
    assert of(schedule(weighed), Start) == [Start(free.session)]
    later = replace(heavy, ready_at=NOW + 5)
    weighed = replace(weighed, waiting=(later, light))
    assert of(schedule(weighed), Start) == [Start(light.session)]
    weighed = replace(weighed, waiting=(heavy, light), busy=())
    assert of(schedule(weighed), Start) == [Start(heavy.session), Start(light.session)]


def test_a_worker_that_is_too_heavy_for_the_machine_runs_alone():
    waiting = [Waiting(f"calm-river/{t}", "calm-river", t, "kimi") for t in "ab"]
    weighed = replace(a_snapshot(*waiting), machine=Weight(500, 4), weights=WEIGHTS)
    assert of(schedule(weighed), Start) == [Start("calm-river/a")]


@given(snapshots())
def test_starts_keep_their_distance(snapshot: Snapshot):
    started = [named(snapshot)[each.session] for each in of(schedule(snapshot), Start)]
    for key, gap_s in (
        *((run, limits.spacing_s) for run, limits in snapshot.runs.items()),
        *snapshot.profile_spacing_s.items(),
    ):
        mine = [each for each in started if key in (each.run, each.profile)]
        if gap_s and mine:
            assert len(mine) == 1
            last = snapshot.last_start_at.get(key)
            assert last is None or last + gap_s <= snapshot.at


@given(snapshots())
def test_only_what_is_ready_starts(snapshot: Snapshot):
    for each in of(schedule(snapshot), Start):
        waiting = named(snapshot)[each.session]
        assert waiting.ready_at <= snapshot.at
        assert waiting.stop_wish is None
        assert not has_ended(snapshot, waiting.run)
        assert not snapshot.runs[waiting.run].is_paused
        assert snapshot.free_mib >= snapshot.runs[waiting.run].min_free_mib
        assert set(needed_outcomes(snapshot, waiting)) <= {"succeeded"}


@given(snapshots())
def test_exactly_what_has_a_wish_a_dead_run_a_failed_need_or_no_time_left_is_cancelled(
    snapshot: Snapshot,
):
    started = {each.session for each in of(schedule(snapshot), Start)}
    expected: dict[str, str] = {}
    for waiting in snapshot.waiting:
        if waiting.stop_wish is not None:
            expected[waiting.session] = waiting.stop_wish
        elif has_ended(snapshot, waiting.run):
            expected[waiting.session] = "run_time_limit"
        elif set(needed_outcomes(snapshot, waiting)) - {"succeeded", None}:
            expected[waiting.session] = "need_failed"
        elif is_late(snapshot, waiting) and waiting.session not in started:
            expected[waiting.session] = "queue_time"
    cancels = of(schedule(snapshot), Cancel)
    assert {each.session: each.reason for each in cancels} == expected


@given(snapshots())
def test_exactly_what_has_a_wish_or_a_dead_run_is_stopped_once(snapshot: Snapshot):
    expected = {
        each.session: each.stop_wish or "run_time_limit"
        for each in snapshot.busy
        if not each.is_stopping
        and (each.stop_wish is not None or has_ended(snapshot, each.run))
    }
    stops = of(schedule(snapshot), Stop)
    assert {each.session: each.cause for each in stops} == expected


@given(snapshots())
def test_no_session_gets_two_decisions(snapshot: Snapshot):
    sessions = [each.session for each in schedule(snapshot).decisions]
    assert len(sessions) == len(set(sessions))


def after(snapshot: Snapshot, agenda: Agenda) -> Snapshot:
    """Do what was decided, and let no time pass."""
    started = {each.session for each in of(agenda, Start)}
    cancelled = {each.session for each in of(agenda, Cancel)}
    stopped = {each.session for each in of(agenda, Stop)}
    outcomes = {run: dict(known) for run, known in snapshot.task_outcomes.items()}
    last_start_at = dict(snapshot.last_start_at)
    busy = [
        replace(each, is_stopping=each.is_stopping or each.session in stopped)
        for each in snapshot.busy
    ]
    for each in snapshot.waiting:
        if each.session in cancelled:
            outcomes[each.run][each.task] = "cancelled"
        if each.session in started:
            busy.append(Busy(each.session, each.run, each.profile))
            last_start_at |= {each.run: snapshot.at, each.profile: snapshot.at}
    gone = started | cancelled
    return replace(
        snapshot,
        waiting=[each for each in snapshot.waiting if each.session not in gone],
        busy=busy,
        task_outcomes=outcomes,
        last_start_at=last_start_at,
    )


def settled(snapshot: Snapshot) -> tuple[Snapshot, Agenda]:
    """Turn as long as something ends by it, as the supervisor does."""
    for _ in range(3 * len(TASKS)):
        agenda = schedule(snapshot)
        snapshot = after(snapshot, agenda)
        if not of(agenda, Cancel):
            return snapshot, agenda
    raise AssertionError("decisions never cease")


@given(snapshots())
def test_when_nothing_ends_by_a_turn_there_is_nothing_more_to_decide(
    snapshot: Snapshot,
):
    snapshot, _ = settled(snapshot)
    assert not schedule(snapshot).decisions


@given(snapshots())
def test_nothing_can_be_decided_before_the_moment_to_look_again(snapshot: Snapshot):
    snapshot, agenda = settled(snapshot)
    ahead = [NOW + step / 2 for step in range(1, 50)]
    useful = [at for at in ahead if schedule(replace(snapshot, at=at)).decisions]
    if agenda.look_again_at is None:
        assert not useful
        return
    assert agenda.look_again_at > snapshot.at
    assert not useful or useful[0] >= agenda.look_again_at


@given(snapshots())
def test_the_moment_to_look_again_is_worth_it(snapshot: Snapshot):
    # A disk tells nobody when it has room: it is looked at again and again.
    snapshot, _ = settled(replace(snapshot, free_mib=10_000))
    at = schedule(snapshot).look_again_at
    if at is not None:
        assert schedule(replace(snapshot, at=at)).decisions


def a_snapshot(*waiting: Waiting, **changes: object) -> Snapshot:
    plain = Snapshot(NOW, waiting, (), {RUNS[0]: RunLimits(5)})
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def a_waiting(task: str, *, profile: str = "demo", ready_at: float = 0.0) -> Waiting:
    return Waiting(f"{RUNS[0]}/{task}", RUNS[0], task, profile, (), None, ready_at)


def test_the_first_in_line_starts_first():
    line = [a_waiting(task) for task in "cab"]
    agenda = schedule(a_snapshot(*line, machine_cap=2))
    assert agenda == Agenda((Start("calm-river/c"), Start("calm-river/a")))


def test_one_that_waits_for_its_moment_does_not_hold_up_the_others():
    agenda = schedule(a_snapshot(a_waiting("a", ready_at=NOW + 5), a_waiting("b")))
    assert agenda == Agenda((Start("calm-river/b"),), NOW + 5)


def test_a_full_profile_does_not_hold_up_another():
    line = [a_waiting("a"), a_waiting("b"), a_waiting("c", profile="kimi")]
    agenda = schedule(a_snapshot(*line, profile_caps={"demo": 1}))
    assert agenda == Agenda((Start("calm-river/a"), Start("calm-river/c")))


def test_spaced_starts_are_looked_at_again_when_the_gap_is_over():
    runs = {RUNS[0]: RunLimits(5, spacing_s=2.0)}
    agenda = schedule(a_snapshot(a_waiting("a"), a_waiting("b"), runs=runs))
    assert agenda == Agenda((Start("calm-river/a"),), NOW + 2.0)


def test_a_run_out_of_time_is_ended_whole():
    runs = {RUNS[0]: RunLimits(5, ends_at=NOW)}
    busy = [Busy("calm-river/z", RUNS[0], "demo")]
    agenda = schedule(a_snapshot(a_waiting("a"), runs=runs, busy=busy))
    assert agenda == Agenda(
        (
            Stop("calm-river/z", "run_time_limit"),
            Cancel(
                "calm-river/a",
                "run_time_limit",
                "The run's time was up before it could start.",
            ),
        )
    )


def test_the_end_of_a_run_is_looked_at_while_it_works():
    runs = {RUNS[0]: RunLimits(5, ends_at=NOW + 9)}
    busy = [Busy("calm-river/z", RUNS[0], "demo")]
    assert schedule(a_snapshot(runs=runs, busy=busy)) == Agenda((), NOW + 9)
    assert schedule(a_snapshot(runs=runs)) == Agenda(())


def test_a_paused_run_starts_nothing_and_lets_others_start():
    runs = {RUNS[0]: RunLimits(5, is_paused=True), RUNS[1]: RunLimits(5)}
    other = Waiting(f"{RUNS[1]}/b", RUNS[1], "b", "demo")
    agenda = schedule(a_snapshot(a_waiting("a"), other, runs=runs))
    assert agenda == Agenda((Start("bold-oak/b"),))


def test_a_full_disk_is_looked_at_again_and_only_holds_up_who_wants_room():
    runs = {RUNS[0]: RunLimits(5, min_free_mib=500), RUNS[1]: RunLimits(5)}
    other = Waiting(f"{RUNS[1]}/b", RUNS[1], "b", "demo")
    line = a_snapshot(a_waiting("a"), other, runs=runs, free_mib=499)
    assert schedule(line) == Agenda((Start("bold-oak/b"),), NOW + SPACE_STEP_S)
    assert len(schedule(replace(line, free_mib=500)).decisions) == 2


def test_who_waits_too_long_for_a_place_is_ended_with_that_reason():
    late = replace(a_waiting("a"), queue_until_at=NOW)
    early = replace(a_waiting("b"), queue_until_at=NOW + 3)
    busy = [Busy("calm-river/z", RUNS[0], "demo")]
    full = {RUNS[0]: RunLimits(1)}
    agenda = schedule(a_snapshot(late, early, runs=full, busy=busy))
    sentence = "It waited longer for a place than queue_s allows."
    assert agenda == Agenda((Cancel("calm-river/a", "queue_time", sentence),), NOW + 3)
    assert schedule(a_snapshot(late)).decisions == (Start("calm-river/a"),)
