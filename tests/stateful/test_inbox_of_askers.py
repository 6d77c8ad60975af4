"""Whatever is lost on the way: each asker is told of each end, in order, by its id.

A run that is held is told like one that ended, for as long as it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from hypothesis.strategies import booleans, integers, sampled_from

from fakes.runs import BORN_AT, a_run, moved, opened
from kimi_swarm.actions.inbox import inbox
from kimi_swarm.actions.told import note_told
from kimi_swarm.actions.wait import wait
from kimi_swarm.core.session import Ended, Outcome
from kimi_swarm.store.attempts import queue_message
from kimi_swarm.store.database import transaction
from kimi_swarm.store.holds import note_stuck, set_held
from kimi_swarm.store.runs import create_run, delete_run, open_run
from kimi_swarm.store.views import latest_sessions

ASKERS = ("", "ada", "bob")
OVER = Ended(BORN_AT, Outcome.CANCELLED, "killed")


class Asking(RuleBasedStateMachine):
    """Agents that spawn, wait and poll, and whose answers may get lost."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.home = self.folder.name
        self.connection = opened(Path(self.home))
        self.born = self.looks = 0
        self.owners: dict[str, str] = {}
        self.ends: dict[str, list[str]] = {}
        self.held: dict[str, str] = {}
        self.told: dict[str, set[str]] = {asker: set() for asker in ASKERS}

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            for asker in ASKERS:
                while self.look_in(asker, is_lost=False):
                    pass
                self.check(asker)
            self.connection.close()
            self.folder.cleanup()

    @rule(owner=sampled_from(ASKERS))
    def a_run_ends(self, owner: str) -> None:
        self.born += 1
        run = f"run-{self.born}"
        self.owners[run] = owner
        new = replace(a_run("a"), owner=owner)
        create_run(self.connection, run, new, at=BORN_AT)
        moved(self.connection, f"{run}/a", OVER)
        self.note_end(run)

    @rule(owner=sampled_from(ASKERS))
    def a_run_is_held(self, owner: str) -> None:
        self.born += 1
        run = f"run-{self.born}"
        self.owners[run] = owner
        create_run(self.connection, run, replace(a_run("a"), owner=owner), at=BORN_AT)
        self.hold(run)

    @rule(number=integers(0, 9), is_to_end=booleans())
    def a_held_run_goes_on(self, number: int, is_to_end: bool) -> None:  # noqa: FBT001 hypothesis gives it by name
        if (run := pick(self.held, number)) is None:
            return
        former = self.held.pop(run)
        with transaction(self.connection):
            self.set_held()
            if is_to_end:
                moved(self.connection, f"{run}/a", OVER)
        if is_to_end:
            self.note_end(run)
        else:
            self.hold(run)
            assert self.held[run] != former

    @rule(number=integers(0, 9))
    def a_run_goes_on_and_ends_again(self, number: int) -> None:
        if (run := pick(self.ends, number)) is None:
            return
        with transaction(self.connection):
            (former,) = latest_sessions(self.connection, run)
            open_run(self.connection, run, at=BORN_AT)
            again = queue_message(self.connection, former, "Go on.", at=BORN_AT)
        moved(self.connection, again, OVER)
        self.note_end(run)

    @rule(number=integers(0, 9), asker=sampled_from(ASKERS), is_lost=booleans())
    def somebody_waits(self, number: int, asker: str, is_lost: bool) -> None:  # noqa: FBT001 hypothesis gives it by name
        if (run := pick({**self.ends, **self.held}, number)) is None:
            return
        seen = wait(self.home, run, asker=asker, timeout_s=0)
        ends = [self.held[run]] if run in self.held else self.ends[run]
        assert seen.completion == ends[-1]
        if not is_lost:
            note_told(self.home, seen.marks)
            self.told[asker].update(ends)

    @rule(asker=sampled_from(ASKERS), is_lost=booleans())
    def somebody_polls(self, asker: str, is_lost: bool) -> None:  # noqa: FBT001 as above
        self.look_in(asker, is_lost=is_lost)

    @rule(number=integers(0, 9))
    def a_run_is_cleared(self, number: int) -> None:
        if (run := pick(self.ends, number)) is not None:
            delete_run(self.connection, run)
            del self.owners[run], self.ends[run]

    def look_in(self, asker: str, *, is_lost: bool) -> list[str]:
        """Ask once; what is told are known ends, oldest first, none told before."""
        found = inbox(self.home, asker=asker)
        ids = [each.end.id for each in found.completions]
        numbers = [each.end.seq for each in found.completions]
        assert numbers == sorted(numbers)
        assert set(ids) <= set(self.due_to(asker))
        assert not set(ids) & self.told[asker]
        if not is_lost:
            note_told(self.home, found.marks)
            self.told[asker].update(ids)
        return ids

    def due_to(self, asker: str) -> list[str]:
        held = {run: [end] for run, end in self.held.items()}
        return [
            end
            for run, ends in (*self.ends.items(), *held.items())
            for end in ends
            if asker == "" or self.owners[run] in ("", asker)
        ]

    def check(self, asker: str) -> None:
        assert set(self.due_to(asker)) <= self.told[asker]

    def note_end(self, run: str) -> None:
        self.ends.setdefault(run, []).append(self.last_event_of(run))

    def hold(self, run: str) -> None:
        self.held[run] = ""
        with transaction(self.connection):
            self.set_held()
            note_stuck(self.connection, at=BORN_AT)
        self.held[run] = self.last_event_of(run)

    def set_held(self) -> None:
        """Write down what is held, in other words each time: that is no news."""
        self.looks += 1
        words = f"budget of the day usd 1.00 spent {self.looks}"
        held = dict.fromkeys(self.held, (words, None))
        set_held(self.connection, held, at=BORN_AT)

    def last_event_of(self, run: str) -> str:
        (seq,) = self.connection.execute("SELECT max(seq) FROM events").fetchone()
        return f"{run}#{seq}"


def pick(runs: Mapping[str, object], number: int) -> str | None:
    names = sorted(runs)
    return names[number % len(names)] if names else None


TestAsking = Asking.TestCase
TestAsking.settings = settings(max_examples=40, stateful_step_count=25)
