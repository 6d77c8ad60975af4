"""The strategies whose tasks wait on results: ab, review-implement and auto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.swarm import Swarm, worker

AB = {"task": "Create `a.txt` with a poem.", "approaches": "short lines, long lines"}


def spawn(swarm: Swarm, strategy: str, **values: str) -> dict[str, dict[str, Any]]:
    pairs = [f"--set={name}={value}" for name, value in values.items()]
    run = swarm.ask("spawn", "--strategy", strategy, *pairs)["run"]
    return swarm.ended(run)


def reviewer(swarm: Swarm, *verdicts: str) -> None:
    """Teach a reviewer that says these, one a review, and an `eager` writer."""
    swarm.teach("reviewer", worker("reviews.py", swarm.folder / "reviews", *verdicts))
    swarm.teach("eager", worker("parrot.py"))


def test_ab_runs_on_the_demo_worker_and_its_first_choice_twice_is_a_tie(swarm: Swarm):
    ended = spawn(swarm, "ab", **AB, profile="demo", repo="new")

    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert set(ended) == {"short-lines", "long-lines", "judge-1", "judge-2"}
    run = ended["judge-1"]["run"]
    ruling = swarm.ask("aggregate", run, "--judge", code=1)
    assert ruling["how"] == "tie"
    assert {each["judge"] for each in ruling["opinions"]} == {"judge-1", "judge-2"}


def test_ab_of_three_judges_every_pair_in_both_orders(swarm: Swarm):
    values = {**AB, "approaches": "one, two, three", "profile": "demo", "repo": "new"}
    pairs = [f"--set={name}={value}" for name, value in values.items()]
    plan = swarm.ask("plan", "ab", *pairs)["plan"]["tasks"]
    judged = [tuple(task["judges"]) for task in plan.values() if task.get("judges")]
    assert len(judged) == len(set(judged)) == 6


def test_a_failed_check_decides_before_any_judge(swarm: Swarm):
    check = 'test "$KIMI_SWARM_TASK" = long-lines'
    ended = spawn(swarm, "ab", **AB, profile="demo", repo="new", check=check)

    assert ended["judge-1"]["reason"] == "need_failed"
    ruling = swarm.ask("aggregate", ended["judge-1"]["run"], "--judge")
    assert (ruling["winner"], ruling["how"]) == ("long-lines", "evidence")


def test_review_implement_runs_on_the_demo_worker_and_ends_when_accepted(swarm: Swarm):
    task = "Create `a.txt` with a poem."
    ended = spawn(swarm, "review-implement", task=task, profile="demo", repo="new")

    told = {name: one["reason"] for name, one in ended.items()}
    assert told == {
        "implement": "changes",
        "review-1": "answer",
        "mend-1": "not_needed",
        "review-2": "not_needed",
        "mend-2": "not_needed",
    }
    run = ended["implement"]["run"]
    assert "5 succeeded" not in swarm.call("aggregate", run).out
    assert swarm.call("wait", run).code == 0


def test_findings_go_to_who_mends_and_the_next_review_sees_only_that(swarm: Swarm):
    swarm.repository()
    reviewer(swarm, "no: the poem has no end", "yes")

    ended = spawn(
        swarm,
        "review-implement",
        task="Write a poem.",
        profile="eager",
        reviewer="reviewer",
        repo=str(swarm.repository()),
    )

    told = {name: one["reason"] for name, one in ended.items()}
    assert told["mend-1"] == "changes"
    assert told["mend-2"] == "not_needed"
    run = ended["implement"]["run"]
    assert "the poem has no end" in swarm.call("log", f"{run}/mend-1").out
    first, second = (
        (swarm.folder / "reviews" / f"{number}").read_text("utf-8") for number in (1, 2)
    )
    assert first.count("\n> +c-") == 1
    assert "the work is in this folder" in second
    assert "what was mended since the last review" in " ".join(second.split())
    assert second.count("\n> +c-") == 1
    assert second.count("\n>  c-") == 0
    merged = swarm.call("aggregate", run, "--merge").out
    assert "NOT merged" not in merged


def test_rounds_are_bounded(swarm: Swarm):
    swarm.repository()
    reviewer(swarm, "no: one", "no: two", "no: three")

    ended = spawn(
        swarm,
        "review-implement",
        task="Write a poem.",
        profile="eager",
        reviewer="reviewer",
        rounds="2",
        repo=str(swarm.repository()),
    )

    assert ended["mend-2"]["outcome"] == "succeeded"
    assert len(list((swarm.folder / "reviews").iterdir())) == 2


def planner(swarm: Swarm, *tasks: dict[str, Any]) -> str:
    """Run a planner that proposes these tasks; return its run."""
    swarm.teach("planner", worker("answers.py", json.dumps({"tasks": tasks})))
    done = spawn(swarm, "auto", goal="Two files.", profile="planner", repo="new")
    (one,) = done.values()
    return str(one["run"])


def test_auto_proposes_on_the_demo_worker_and_is_shown_before_it_is_spawned(
    swarm: Swarm,
):
    ended = spawn(swarm, "auto", goal="A site.", profile="demo", repo="new")
    run = ended["plan"]["run"]

    shown = swarm.call(*("plan", "--into", run, "--proposed", "--profile", "demo")).out

    assert "- part:" in shown
    assert list(swarm.sessions(run)) == ["plan"]


def test_what_was_proposed_is_done_with_its_needs(swarm: Swarm):
    first = {"name": "one", "prompt": "Create `one.txt` with a word."}
    second = {"name": "two", "prompt": "Create `two.txt` from `one.txt`."}
    run = planner(swarm, first, {**second, "needs": ["one"]})

    swarm.call("spawn", "--into", run, "--proposed", "--profile", "demo")

    ended = swarm.ended(run)
    assert [(name, one["outcome"]) for name, one in ended.items()] == [
        *(("plan", "succeeded"), ("one", "succeeded"), ("two", "succeeded"))
    ]


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([{"name": "one", "prompt": "x", "needs": ["zero"]}], 'unknown task "zero"'),
        ([{"name": "plan", "prompt": "x"}], "has a task of that name"),
    ],
)
def test_a_proposal_that_cannot_be_is_refused(
    swarm: Swarm, tasks: list[dict[str, Any]], words: str
):
    run = planner(swarm, *tasks)
    argv = ("spawn", "--into", run, "--proposed", "--profile", "demo")
    assert words in swarm.call(*argv, code=2).err
    assert list(swarm.sessions(run)) == ["plan"]


def test_a_planner_proposes_no_shell_lines(swarm: Swarm):
    task = {"name": "one", "prompt": "Do it.", "check": "touch /tmp/oops"}
    run = planner(swarm, task)
    assert swarm.sessions(run)["plan"]["reason"] == "bad_result"


def test_there_must_be_a_proposal(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": ["true"], "workspace": "none"}})
    refused = swarm.call("spawn", "--into", run, "--proposed", code=2)
    assert "has proposed a plan" in refused.err
    assert "`into`" in swarm.call("spawn", "--proposed", code=2).err


def test_answers_are_folded_by_a_worker_of_the_same_run(swarm: Swarm):
    poem = {"prompt": "Say a word.", "profile": "demo", "workspace": "none"}
    run = swarm.spawn({"a": poem, "b": poem})
    swarm.ended(run)

    error = swarm.ask("aggregate", run, "--synthesise", " ", code=2)["error"]
    assert error["message"].startswith("aggregate: synthesise: is empty; give a")
    assert set(swarm.sessions(run)) == {"a", "b"}

    told = swarm.call("aggregate", run, "--synthesise", "--profile", "demo").out
    assert f"Next: kimi-swarm wait {run}" in told

    assert swarm.ended(run)["synthesis"]["outcome"] == "succeeded"
    asked = (swarm.home / "runs" / run / "synthesis" / "prompt.md").read_text("utf-8")
    assert "Task a:" in asked
    assert "Task b:" in asked


AUTO = ("--strategy", "auto", "--set", "goal=A site.", "--set", "repo=new")


def test_run_shows_a_proposal_and_starts_nothing_of_it_unasked(swarm: Swarm):
    done = swarm.call("run", *AUTO, "--profile", "demo")

    assert "- part: > " in done.err
    assert "Nothing of it was started." in done.err
    assert "1 succeeded" in done.out


def test_run_does_a_proposal_when_told_to_and_merges_it(swarm: Swarm):
    done = swarm.call("run", *AUTO, "--profile", "demo", "--yes")

    assert "- part:" in done.err
    assert "2 succeeded" in done.out
    assert "part.md" in done.out
