"""Tasks that are added to a run while it works, or after it is over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import Swarm, worker

NONE = {"workspace": "none"}
TRUE = {"argv": ["true"], **NONE}


def addition(swarm: Swarm, tasks: dict[str, Any], **fields: Any) -> Path:
    path = swarm.folder / "more.yaml"
    path.write_text(json.dumps({"tasks": tasks, **fields}), "utf-8")
    return path


@pytest.fixture
def live(swarm: Swarm) -> str:
    """A run of which one task works until its gate is there."""
    gate = worker("signs_ledger.sh", swarm.folder / "ledger", swarm.folder / "gate")
    run = swarm.spawn({"a": {"argv": gate, **NONE}})
    swarm.until_state(f"{run}/a", "running")
    return run


def test_tasks_join_a_live_run_and_may_need_what_is_there(swarm: Swarm, live: str):
    more = addition(swarm, {"b": {**TRUE, "needs": ["a"]}, "c": TRUE})

    said = swarm.call("spawn", more, "--into", live).out

    assert said.startswith(f"{live}: 2 tasks queued")
    swarm.until_state(f"{live}/c", "done")
    assert swarm.sessions(live)["b"]["state"] == "queued"
    (swarm.folder / "gate").touch()
    ended = swarm.ended(live)
    assert [(name, one["outcome"]) for name, one in ended.items()] == [
        *(("a", "succeeded"), ("b", "succeeded"), ("c", "succeeded"))
    ]
    assert f"{live} has more tasks" in swarm.call("poll", live).out


def test_a_run_that_was_over_goes_on_with_what_is_added(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn({"a": {"argv": ["sh", "-c", "echo x > a.txt"]}})
    base = swarm.ended(run)["a"]["base"]

    word = {"argv": ["sh", "-c", "cat a.txt > b.txt"], "needs": ["a"]}
    swarm.call("spawn", addition(swarm, {"b": word}), "--into", run)

    ended = swarm.ended(run)["b"]
    assert ended["outcome"] == "succeeded"
    assert ended["base"] != base
    report = swarm.call("aggregate", run, "--merge").out
    assert "Merged 2 branches" in report


def test_an_addition_is_told_how_many_of_its_run_may_work_at_once(swarm: Swarm):
    run = swarm.spawn({"a": TRUE}, limits={"concurrency": 2})
    said = swarm.call("spawn", addition(swarm, {"b": TRUE}), "--into", run).out
    assert "at most 2 at once" in said


def test_tasks_in_words_get_names_that_are_free(swarm: Swarm):
    words = ["--profile", "demo", "--task", "Create `a.txt` with a word"]
    run = swarm.ask("spawn", *words, cwd=swarm.repository())["run"]
    swarm.ended(run)

    swarm.call("spawn", "--into", run, *words)

    assert list(swarm.ended(run)) == ["task-1", "task-2"]


@pytest.mark.parametrize(
    ("tasks", "fields", "words"),
    [
        ({"a": TRUE}, {}, "tasks.a: the run has a task of that name already"),
        ({"b": {**TRUE, "needs": ["z"]}}, {}, 'unknown task "z"'),
        ({"b": TRUE}, {"limits": {"concurrency": 2}}, "limits: belongs to the run"),
        ({"b": TRUE}, {"repo": "."}, "repo: belongs to the run"),
        ({"b": {"argv": ["true"]}}, {}, "works on no repository"),
    ],
)
def test_what_does_not_fit_the_run_is_refused_and_nothing_changes(
    swarm: Swarm, live: str, tasks: dict[str, Any], fields: dict[str, Any], words: str
):
    more = addition(swarm, tasks, **fields)

    refused = swarm.call("spawn", more, "--into", live, code=2)

    assert words in refused.err
    assert list(swarm.sessions(live)) == ["a"]


def test_a_run_that_does_not_exist_cannot_be_added_to(swarm: Swarm):
    more = addition(swarm, {"b": TRUE})
    assert "no run" in swarm.call("spawn", more, "--into", "no-run", code=2).err


def test_two_that_add_the_same_name_at_once_cannot_both(swarm: Swarm, live: str):
    more = addition(swarm, {"b": TRUE})
    racing = [swarm.start("spawn", more, "--into", live) for _ in range(4)]

    codes = sorted(each.wait() for each in racing)
    for each in racing:
        each.communicate()

    assert codes == [0, 2, 2, 2]
    assert list(swarm.sessions(live)) == ["a", "b"]
