"""Whatever is asked and killed in any order: the swarm never lies, doubles or leaves.

`KIMI_SWARM_EXAMPLES` searches longer; each example takes some seconds.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fakes.aftermath import Aftermath
from fakes.caller import Answer, Caller
from fakes.chores import Ledger
from fakes.runs import opened
from fakes.swarm import Swarm, worker
from fakes.victims import FINDERS, end_by_force
from kimi_swarm.store.views import (
    events_after,
    latest_sessions,
    live_sessions,
    run_row,
    sessions_of,
)

EXAMPLES = int(os.environ.get("KIMI_SWARM_EXAMPLES", "14"))
STEPS = 12
RUNS_AT_MOST = 3
STARTS = ("run_paused", "run_resumed", "chosen")
Final = tuple[str | None, str | None, int | None]

shapes = st.lists(
    st.tuples(
        st.sampled_from([0, 0.1, 0.6]),  # seconds
        st.sampled_from([0, 0, 0, 7]),  # exit code
        st.sets(st.integers(0, 3), max_size=2),  # needs, by number
    ),
    min_size=1,
    max_size=4,
)
which = st.integers(0, 99)


class WholeSwarm(RuleBasedStateMachine):
    """A model that knows only what must hold, beside the real thing."""

    def __init__(self, code: Path, folder: Path, caller: Caller) -> None:
        super().__init__()
        folder.mkdir()
        (folder / "held").mkdir()
        self.swarm = Swarm(code, folder)
        self.caller = caller
        self.store = opened(self.swarm.home)
        self.runs: list[str] = []
        self.finals: dict[str, Final] = {}
        self.plans = 0

    def teardown(self) -> None:
        try:
            for run in self.runs:
                self.ask("resume", run)
            for run in self.runs:
                answer = self.ask("wait", run, "--timeout-s", 50)
                assert not answer.told["timed_out"], answer
            self.what_is_over_stays_as_it_was()
            after = Aftermath(self.swarm.home, self.runs)
            assert after.bad_ends == []
            assert after.bad_replays == []
            assert after.bad_exit_codes == []
        finally:
            self.store.close()
            self.swarm.close()
        assert after.left_files() == []

    def ask(self, *words: object) -> Answer:
        note(f"asks {words}")
        answer = self.caller.ask(self.swarm.env, self.swarm.folder, *words)
        note(f"  {answer.code} {answer.error}")
        return answer

    def plan(self, shape: list[tuple[float, int, set[int]]], **fields: Any) -> Path:
        self.plans += 1
        ledger, held = self.swarm.folder / "ledger", self.swarm.folder / "held"
        names = [f"p{self.plans}-{number}" for number in range(len(shape))]
        tasks: dict[str, Any] = {
            name: {
                # One lock a task: two sessions of it at once would sign "double".
                "argv": worker("holds_its_task.sh", ledger, held / name, seconds, code),
                "needs": [names[need] for need in sorted(needs) if need < number],
                "workspace": "none",
            }
            for number, (name, (seconds, code, needs)) in enumerate(
                zip(names, shape, strict=True)
            )
        }
        return self.swarm.plan(
            tasks,
            defaults={"profile": "command", "retries": self.plans % 2},
            **fields,
        )

    def drawn(self, number: int) -> str:
        return self.runs[number % len(self.runs)]

    @initialize(shape=shapes)
    def begins(self, shape: list[tuple[float, int, set[int]]]) -> None:
        self.spawns(shape)

    @precondition(lambda self: len(self.runs) < RUNS_AT_MOST)
    @rule(shape=shapes, is_held=st.booleans())
    def spawns(
        self, shape: list[tuple[float, int, set[int]]], *, is_held: bool = False
    ) -> None:
        answer = self.ask("spawn", self.plan(shape, limits={"concurrency": 1}))
        assert answer.code == 0, answer
        self.runs.append(answer.told["run"])
        if is_held:
            # Before most of it began: what must not start would start now.
            self.holds_or_lets_go(len(self.runs) - 1, "pause")
            self.waits_a_while(len(self.runs) - 1)

    @precondition(lambda self: self.runs)
    @rule(number=which, shape=shapes)
    def adds_tasks(self, number: int, shape: list[tuple[float, int, set[int]]]) -> None:
        run = self.drawn(number)
        answer = self.ask("spawn", self.plan(shape), "--into", run)
        assert answer.code == 0, answer

    @precondition(lambda self: self.runs)
    @rule(number=which, scope=st.sampled_from(["session", "run", "all"]))
    def kills(self, number: int, scope: str) -> None:
        run = self.drawn(number)
        rows = latest_sessions(self.store, run)
        meant = rows[number % len(rows)].id if scope == "session" else run
        live = [row.id for row in live_sessions(self.store)]
        answer = self.ask("kill", "--all" if scope == "all" else meant)
        assert answer.code == 0, answer
        left = {row.id for row in live_sessions(self.store)}
        assert not left.intersection(
            one for one in live if scope == "all" or f"{one}/".startswith(f"{meant}/")
        )

    @rule(victim=st.sampled_from(list(FINDERS)), seed=which)
    def kills_by_force(self, victim: str, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 repeatable, not secret
        found = FINDERS[victim](self.swarm.home, self.store, dice)
        is_struck = found is not None and end_by_force(found)
        note(f"{victim} killed: {is_struck}")

    @rule()
    def looks(self) -> None:
        assert self.ask("list").code == 0

    @precondition(lambda self: self.runs)
    @rule(number=which)
    def waits_a_while(self, number: int) -> None:
        answer = self.ask("wait", self.drawn(number), "--timeout-s", "0.5")
        assert answer.code in (0, 1, 124), answer

    @precondition(lambda self: self.runs)
    @rule(number=which)
    def tries_again(self, number: int) -> None:
        run = self.drawn(number)
        before = {row.task: row.outcome for row in latest_sessions(self.store, run)}
        answer = self.ask("retry", run)
        assert answer.code == 0, answer
        for row in latest_sessions(self.store, run):
            assert before[row.task] != "succeeded" or row.outcome == "succeeded"

    @precondition(lambda self: self.runs)
    @rule(number=which, verb=st.sampled_from(["pause", "resume"]))
    def holds_or_lets_go(self, number: int, verb: str) -> None:
        run = self.drawn(number)
        was_over = run_row(self.store, run).state == "done"
        answer = self.ask(verb, run)
        assert answer.code == 0 or answer.error == "run_over", answer
        assert answer.code == 2 or not was_over

    @precondition(lambda self: self.runs)
    @rule(number=which)
    def clears(self, number: int) -> None:
        run = self.drawn(number)
        was_over = run_row(self.store, run).state == "done"
        answer = self.ask("clear", run, "--force")
        assert answer.error in ("", "run_live"), answer
        if answer.error:
            assert not was_over
            return
        self.runs.remove(run)
        self.finals = {
            one: final
            for one, final in self.finals.items()
            if not one.startswith(f"{run}/")
        }
        assert not (self.swarm.home / "runs" / run).exists()

    @invariant()
    def what_is_over_stays_as_it_was(self) -> None:
        for run in self.runs:
            for row in sessions_of(self.store, run):
                if row.state == "done":
                    final = (row.outcome, row.reason, row.exit_code)
                    assert self.finals.setdefault(row.id, final) == final
                else:
                    assert row.id not in self.finals

    @invariant()
    def a_paused_run_starts_nothing(self) -> None:
        for run in self.runs:
            is_paused = False
            for event in events_after(self.store, run, 0, names=STARTS):
                assert not (event.name == "chosen" and is_paused), event
                is_paused = event.name == "run_paused"

    @invariant()
    def no_worker_ran_twice(self) -> None:
        assert Ledger(self.swarm.folder / "ledger").doubles == []

    @invariant()
    def the_counts_are_true(self) -> None:
        for run in self.runs:
            # In one breath, or the supervisor moves something in between.
            self.store.execute("BEGIN")
            try:
                rows = latest_sessions(self.store, run)
                counts = run_row(self.store, run).counts
            finally:
                self.store.execute("ROLLBACK")
            assert counts == Counter(row.outcome or row.state for row in rows)


@pytest.fixture
def caller(code: Path) -> Iterator[Caller]:
    with closing(Caller(code)) as caller:
        yield caller


def test_in_any_order_nothing_is_lost_doubled_or_left(
    code: Path, tmp_path: Path, caller: Caller
):
    numbers = iter(range(1_000_000))
    run_state_machine_as_test(
        # Any callable will do, its annotation is too narrow.
        cast(
            "type[RuleBasedStateMachine]",
            lambda: WholeSwarm(code, tmp_path / str(next(numbers)), caller),
        ),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            # What really runs is not the same twice: there is nothing to shrink.
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
