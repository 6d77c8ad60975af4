"""What is read of runs and sessions: counts, order, wishes, cursors, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.runs import (
    BORN_AT,
    RUN,
    a_recipe,
    a_run,
    a_task,
    life,
    moved,
    opened,
)
from kimi_swarm.core.schedule import Start, schedule
from kimi_swarm.core.session import Ended, Launched, Outcome, StopBegan
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.inbox import cursor_of
from kimi_swarm.store.runs import (
    create_run,
    delete_run,
    notes_of,
    task_of,
    tasks_of,
)
from kimi_swarm.store.snapshot import read_snapshot
from kimi_swarm.store.views import (
    UnknownRunError,
    UnknownSessionError,
    count_runs,
    dialect_of,
    events_after,
    latest_sessions,
    live_sessions,
    recent_runs,
    run_row,
    session_row,
    sessions_of,
    wants_supervisor,
)
from kimi_swarm.store.wishes import move_cursor, wish_stop

MANY = 1_500
CANCELLED = Ended(2_000.0, Outcome.CANCELLED, "killed")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(opened(tmp_path)) as connection:
        yield connection


def run_of(connection: Connection, *tasks: str, run: str = RUN, at: float = BORN_AT):
    create_run(connection, run, a_run(*tasks), at=at)


def retried(connection: Connection, task: str, attempt: int) -> str:
    """Queue another attempt beside the others, as a retry will."""
    session = f"{RUN}/{task}.{attempt}"
    with transaction(connection):
        connection.execute(
            "INSERT INTO sessions (id, run, task, attempt, place, profile, state,"
            " since_at, created_at) SELECT ?, run, task, ?, place, profile, 'queued',"
            " since_at, created_at FROM sessions WHERE id = ?",
            (session, attempt, f"{RUN}/{task}"),
        )
    return session


def ended(connection: Connection, session: str) -> None:
    moved(connection, session, CANCELLED)


def test_the_last_attempt_speaks_for_its_task(connection: Connection):
    run_of(connection, "header", "sidebar")
    moved(connection, f"{RUN}/header", *life(Outcome.FAILED))
    retried(connection, "header", 2)
    assert run_row(connection, RUN).counts == {"queued": 2}
    moved(connection, f"{RUN}/header.2", *life())
    run = run_row(connection, RUN)
    assert run.counts == {"queued": 1, "succeeded": 1}
    assert (run.total, run.done) == (2, 1)
    latest = [row.id for row in latest_sessions(connection, RUN)]
    assert latest == [f"{RUN}/header.2", f"{RUN}/sidebar"]


def test_attempts_count_as_numbers_not_as_text(connection: Connection):
    run_of(connection, "header")
    for attempt in range(2, 12):
        retried(connection, "header", attempt)
    attempts = [row.attempt for row in sessions_of(connection, RUN)]
    assert attempts == list(range(1, 12))
    assert [row.attempt for row in latest_sessions(connection, RUN)] == [11]


def test_sessions_and_tasks_stand_in_plan_order(connection: Connection):
    run_of(connection, "zebra", "ape", "mule")
    moved(connection, f"{RUN}/mule", *life())
    assert [row.task for row in sessions_of(connection, RUN)] == [
        "zebra",
        "ape",
        "mule",
    ]
    assert [task.name for task in tasks_of(connection, RUN)] == ["zebra", "ape", "mule"]


def test_running_runs_come_first_then_the_newest(connection: Connection):
    for at, run in enumerate(["old-live", "old-done", "new-done", "new-live"]):
        run_of(connection, "header", run=run, at=float(at))
    for run in ("old-done", "new-done"):
        ended(connection, f"{run}/header")
    names = [row.id for row in recent_runs(connection, limit=9)]
    assert names == ["new-live", "old-live", "new-done", "old-done"]
    assert [row.id for row in recent_runs(connection, limit=1)] == ["new-live"]
    assert count_runs(connection) == 4


def test_a_run_keeps_what_it_was_made_of(connection: Connection):
    task = replace(a_task("header"), needs=("sidebar",), check="make")
    create_run(connection, RUN, a_run("sidebar", task), at=BORN_AT)
    assert task_of(connection, RUN, "header") == task
    assert notes_of(connection, RUN) == ["one note"]
    assert dialect_of(connection, session_row(connection, f"{RUN}/header")) == "text"


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: run_row(connection, "no-run"),
        lambda connection: notes_of(connection, "no-run"),
        lambda connection: task_of(connection, "no-run", "header"),
        lambda connection: session_row(connection, "no-run/header"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_run(
    connection: Connection, ask: Callable[[Connection], object]
):
    with pytest.raises((UnknownRunError, UnknownSessionError), match="no-run") as told:
        ask(connection)
    assert "`list" in told.value.remedy
    assert told.value.exit_code == 2


def test_news_are_told_in_order_from_where_the_asker_was(connection: Connection):
    run_of(connection, "header", "sidebar")
    moved(connection, f"{RUN}/header", *life())
    names = ["queued", "ended", "launched"]
    news = events_after(connection, RUN, 0, names=names)
    assert [(each.session, each.name) for each in news] == [
        (f"{RUN}/header", "queued"),
        (f"{RUN}/sidebar", "queued"),
        (f"{RUN}/header", "launched"),
        (f"{RUN}/header", "ended"),
    ]
    assert events_after(connection, RUN, news[2].seq, names=names) == news[3:]
    assert events_after(connection, RUN, 0, names=names, limit=2) == news[:2]
    mine = events_after(connection, f"{RUN}/sidebar", 0, names=names)
    assert [each.name for each in mine] == ["queued"]


def test_a_cursor_is_one_askers_own_and_never_moves_back(connection: Connection):
    assert cursor_of(connection, "anna", RUN) == 0
    for position in (3, 9, 4):
        move_cursor(connection, "anna", RUN, position)
    move_cursor(connection, "bert", RUN, 5)
    assert cursor_of(connection, "anna", RUN) == 9
    assert cursor_of(connection, "bert", RUN) == 5
    assert cursor_of(connection, "anna", f"{RUN}/header") == 0


@pytest.mark.parametrize(
    ("scope", "meant"),
    [
        ("*", [f"{RUN}/zebra", "bold-oak/ape", f"{RUN}/mule"]),
        (RUN, [f"{RUN}/zebra", f"{RUN}/mule"]),
        (f"{RUN}/mule", [f"{RUN}/mule"]),
        (f"{RUN}/over", []),
        ("no-run", []),
        ("calm", []),
    ],
)
def test_a_wish_reaches_what_is_meant_and_not_over(
    connection: Connection, scope: str, meant: list[str]
):
    run_of(connection, "zebra", "mule", "over")
    run_of(connection, "ape", run="bold-oak")
    ended(connection, f"{RUN}/over")
    told = wish_stop(connection, scope, "killed")
    assert sorted(told) == sorted(meant)
    wished = {row.id for row in live_sessions(connection) if row.stop_wish == "killed"}
    assert wished == set(meant)


def test_the_first_wish_stays(connection: Connection):
    run_of(connection, "header")
    wish_stop(connection, RUN, "killed")
    wish_stop(connection, RUN, "other")
    assert session_row(connection, f"{RUN}/header").stop_wish == "killed"


def test_a_wish_is_no_move(connection: Connection):
    run_of(connection, "header")
    row = session_row(connection, f"{RUN}/header")
    wish_stop(connection, RUN, "killed")
    assert session_row(connection, row.id).revision == row.revision
    assert moved(connection, row.id, CANCELLED).outcome == "cancelled"


def test_forgetting_a_run_takes_all_of_it_and_nothing_else(connection: Connection):
    for run in (RUN, "bold-oak"):
        run_of(connection, "header", run=run)
        ended(connection, f"{run}/header")
        for scope in (run, f"{run}/header"):
            move_cursor(connection, "anna", scope, 3)
    delete_run(connection, RUN)
    for table in ("runs", "tasks", "sessions", "events", "cursors"):
        column = {"runs": "id", "cursors": "scope"}.get(table, "run")
        found = connection.execute(f"SELECT DISTINCT {column} FROM {table}")  # noqa: S608 as listed
        assert {str(name).partition("/")[0] for (name,) in found} == {"bold-oak"}
    assert run_row(connection, "bold-oak").counts == {"cancelled": 1}


def test_a_run_that_is_not_over_is_not_forgotten(connection: Connection):
    run_of(connection, "header")
    move_cursor(connection, "anna", RUN, 3)
    delete_run(connection, RUN)
    assert run_row(connection, RUN).counts == {"queued": 1}
    assert cursor_of(connection, "anna", RUN) == 3


def test_a_run_that_cannot_be_written_whole_is_not_there(connection: Connection):
    twice = a_run("header", "sidebar", "header")
    with pytest.raises(Exception, match="UNIQUE"):
        create_run(connection, RUN, twice, at=BORN_AT)
    assert count_runs(connection) == 0
    assert not events_after(connection, RUN, 0, names=["run_started", "queued"])


def snapshot_of(connection: Connection):
    return read_snapshot(connection, at=BORN_AT, machine_cap=50, last_start_at={})


def test_a_snapshot_shows_who_waits_who_works_and_how_needs_ended(
    connection: Connection,
):
    app = a_task("app", needs=["header", "sidebar"])
    tasks = ("header", "sidebar", "footer", "bar", app)
    create_run(connection, RUN, a_run(*tasks), at=BORN_AT)
    moved(connection, f"{RUN}/header", *life(Outcome.FAILED))
    moved(connection, f"{RUN}/sidebar", *life()[:3])
    moved(connection, f"{RUN}/footer", *life()[:3], StopBegan(BORN_AT, "killed"))
    wish_stop(connection, f"{RUN}/sidebar", "killed")
    snapshot = snapshot_of(connection)
    waiting = [(each.task, each.needs) for each in snapshot.waiting]
    assert waiting == [("bar", ()), ("app", ("header", "sidebar"))]
    busy = {each.session: (each.stop_wish, each.is_stopping) for each in snapshot.busy}
    assert busy == {
        f"{RUN}/sidebar": ("killed", False),
        f"{RUN}/footer": (None, True),
    }
    assert snapshot.task_outcomes[RUN] == {"header": "failed"}


def test_a_task_that_is_tried_again_is_not_over_for_those_who_need_it(
    connection: Connection,
):
    app = a_task("app", needs=["header"])
    create_run(connection, RUN, a_run("header", app), at=BORN_AT)
    moved(connection, f"{RUN}/header", *life(Outcome.FAILED))
    retried(connection, "header", 2)
    assert snapshot_of(connection).task_outcomes[RUN] == {}


def test_the_stricter_limit_of_a_profile_holds(connection: Connection):
    for run, cap, gap_s in (
        ("one-run", 4, 0.0),
        ("two-run", 2, 3.0),
        ("no-cap", None, 0),
    ):
        recipe = replace(a_recipe(max_parallel=cap), spacing_s=gap_s)
        task = a_task("header", recipe=recipe)
        create_run(connection, run, a_run(task), at=BORN_AT)
    snapshot = snapshot_of(connection)
    assert snapshot.profile_caps == {"demo": 2}
    assert snapshot.profile_spacing_s == {"demo": 3.0}


def test_a_worker_weighs_the_most_that_a_run_knows_of_it(connection: Connection):
    for run, weight in (("one-run", (800, 0.5)), ("two-run", (600, 0.7))):
        recipe = replace(a_recipe(), memory_mib=weight[0], cores=weight[1])
        create_run(connection, run, a_run(a_task("a", recipe=recipe)), at=BORN_AT)
    assert snapshot_of(connection).weights == {"demo": (800, 0.7)}
    connection.execute(
        "UPDATE runs SET profiles = json_remove(profiles, '$.demo.weight')"
    )
    assert snapshot_of(connection).weights == {"demo": (0, 0)}


def test_a_run_with_a_time_limit_ends_at_a_moment(connection: Connection):
    create_run(connection, RUN, a_run("header", wall_s=60.0), at=BORN_AT)
    assert snapshot_of(connection).runs[RUN].ends_at == BORN_AT + 60.0


def test_older_runs_start_first_and_within_a_run_the_plan_decides(
    connection: Connection,
):
    run_of(connection, "zebra", "ape", run="new-run", at=2.0)
    run_of(connection, "mule", "bear", run="old-run", at=1.0)
    decisions = schedule(snapshot_of(connection)).decisions
    assert decisions == (
        Start("old-run/mule"),
        Start("old-run/bear"),
        Start("new-run/zebra"),
        Start("new-run/ape"),
    )


def test_leaving_out_those_far_back_changes_no_decision(connection: Connection):
    tasks = [
        a_task(f"t{i}", recipe=a_recipe("kimi" if i % 3 else "demo", max_parallel=1))
        for i in range(12)
    ]
    create_run(connection, RUN, a_run(*tasks, concurrency=2), at=BORN_AT)
    started: list[str] = []
    for _ in range(2 * len(tasks)):
        for decision in schedule(snapshot_of(connection)).decisions:
            moved(connection, decision.session, *life()[:3])
            started.append(decision.session)
        if not started or len(started) == len(tasks):
            break
        ended_now = next(row for row in live_sessions(connection) if row.started_at)
        moved(connection, ended_now.id, life()[3])
    assert sorted(started) == sorted(f"{RUN}/{task.name}" for task in tasks)
    assert started[:2] == [f"{RUN}/t0", f"{RUN}/t1"]


@pytest.fixture
def crowded(connection: Connection) -> Connection:
    """Have very many sessions that are over, and two that live."""
    done = [a_task(f"t{number}") for number in range(MANY)]
    create_run(connection, "old-run", a_run(*done), at=1.0)
    with transaction(connection):
        for task in done:
            ended(connection, f"old-run/{task.name}")
    run_of(connection, "header", "sidebar")
    moved(connection, f"{RUN}/header", *life()[:2], Launched(5.0))
    return connection


@pytest.mark.parametrize(
    "look",
    [
        live_sessions,
        wants_supervisor,
        snapshot_of,
        lambda connection: wish_stop(connection, "*", "killed"),
        lambda connection: wish_stop(connection, RUN, "killed"),
        lambda connection: run_row(connection, RUN),
        lambda connection: events_after(connection, RUN, 0, names=["queued"]),
    ],
    ids=["live", "supervisor", "snapshot", "wish for all", "wish", "run", "events"],
)
def test_what_is_over_costs_a_look_at_the_living_nothing(
    crowded: Connection, look: Callable[[Connection], object]
):
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    crowded.set_progress_handler(step, 1)
    found = look(crowded)
    crowded.set_progress_handler(None, 1)
    assert found
    assert steps < MANY


def test_whether_a_supervisor_is_wanted_costs_nothing_where_all_is_over(
    connection: Connection,
):
    done = [a_task(f"t{number}") for number in range(MANY)]
    create_run(connection, "old-run", a_run(*done), at=1.0)
    with transaction(connection):
        for task in done:
            ended(connection, f"old-run/{task.name}")
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1)
    assert not wants_supervisor(connection)
    connection.set_progress_handler(None, 1)
    assert steps < MANY
