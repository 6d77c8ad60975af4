"""The strategies whose tasks wait on results: ab, and review-implement."""

from __future__ import annotations

from typing import Any

from fakes.swarm import Swarm, worker

AB = {"task": "Create `a.txt` with a poem.", "approaches": "short lines, long lines"}


def spawn(swarm: Swarm, strategy: str, **values: str) -> dict[str, dict[str, Any]]:
    pairs = [f"--set={name}={value}" for name, value in values.items()]
    run = swarm.ask("spawn", "--strategy", strategy, *pairs)["run"]
    return swarm.ended(run)


def reviewer(swarm: Swarm, *verdicts: str) -> None:
    """Teach a reviewer that says these, one a review, and an `eager` writer."""
    for name, program, words in (
        ("reviewer", "reviews.py", [swarm.folder / "reviews", *verdicts]),
        ("eager", "parrot.py", []),
    ):
        interpreter, *argv = worker(program, *words)
        swarm.own_profile(
            name,
            summary="Made for a test.",
            kind="cli",
            program=interpreter,
            argv=argv,
            prompt_via="stdin",
            dialect="swarm",
            sends_to="Nothing leaves the machine.",
        )


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
