"""Who goes first: runs of a higher priority, and tasks that others wait for."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from fakes.runs import BORN_AT, a_run, a_task, opened
from fakes.swarm import Swarm
from kimi_swarm.core.schedule import Start, schedule
from kimi_swarm.store.runs import create_run
from kimi_swarm.store.snapshot import read_snapshot


def order(home: Path, *runs: tuple[str, int, dict[str, int]]) -> list[str]:
    """Write runs (name, priority, rank by task); return who starts, first to last."""
    with closing(opened(home)) as connection:
        for at, (run, priority, ranks) in enumerate(runs):
            tasks = [replace(a_task(name), rank=rank) for name, rank in ranks.items()]
            new = replace(a_run(*tasks), priority=priority)
            create_run(connection, run, new, at=BORN_AT + at)
        snapshot = read_snapshot(
            connection, at=BORN_AT + 100, machine_cap=100, last_start_at={}
        )
    decisions = schedule(snapshot).decisions
    return [each.session for each in decisions if isinstance(each, Start)]


def test_a_run_of_higher_priority_starts_before_an_older_one(tmp_path: Path):
    runs = (
        ("old-oak", 0, {"a": 0}),
        ("new-elm", 3, {"a": 0}),
        ("low-ash", -1, {"a": 0}),
    )
    assert order(tmp_path, *runs) == ["new-elm/a", "old-oak/a", "low-ash/a"]


def test_what_others_wait_for_goes_before_parts_of_every_run(tmp_path: Path):
    runs = (("old-oak", 0, {"a": 0, "b": 0}), ("new-elm", 0, {"part": 0, "judge": 1}))
    expected = ["new-elm/judge", "old-oak/a", "old-oak/b", "new-elm/part"]
    assert order(tmp_path, *runs) == expected


def test_a_ranked_task_is_found_behind_any_number_of_parts(tmp_path: Path):
    parts = {f"p{n}": 0 for n in range(50)}
    assert order(tmp_path, ("old-oak", 0, {**parts, "plan": 1}))[0] == "old-oak/plan"


def test_a_priority_is_taken_from_the_command_line_and_checked(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": ["true"], "workspace": "none"}}, priority=2)
    assert "-10 to 10" in swarm.call("spawn", plan, "--priority", "99", code=2).err
    run = swarm.ask("spawn", plan, "--priority", "5")["run"]
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    more = swarm.call("spawn", plan, "--into", run, code=2)
    assert "priority: belongs to the run" in more.err
