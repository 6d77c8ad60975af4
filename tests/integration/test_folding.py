"""Judging, voting and tables: a run's answers folded to one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.swarm import Swarm, worker

SCHEMA = {"type": "object"}
TRUE = {"argv": ["true"], "workspace": "none"}


def says(swarm: Swarm, name: str, answer: object) -> dict[str, Any]:
    """Return a task whose worker gives this answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    swarm.teach(name, worker("answers.py", text))
    task = {"prompt": "Say it.", "profile": name, "workspace": "none"}
    return task if isinstance(answer, str) else {**task, "result": SCHEMA}


def candidate(line: str, check: str | None = None) -> dict[str, Any]:
    return {"argv": ["sh", "-c", line], **({"check": check} if check else {})}


def judged(swarm: Swarm, judges: str, **tasks: Any) -> str:
    """Run two candidates, and a judge for each order that is of this kind."""
    swarm.repository()
    swarm.teach("judge", worker("judges.py", judges))
    one, other = tasks
    task = {
        "prompt": "Which is better?",
        "profile": "judge",
        "role": "judge",
        "workspace": "none",
        "result": SCHEMA,
    }
    for name, pair in {"j1": [one, other], "j2": [other, one]}.items():
        tasks[name] = {**task, "needs": pair, "judges": pair}
    run = swarm.spawn(tasks)
    swarm.ended(run)
    return run


RIGHT = "printf 'def double(x): return x + x' > double.py"
WRONG = "printf 'def double(x): # fast, elegant, well known\\n  return 2' > double.py"
CHECK = "python3 -c 'from double import double; assert double(3) == 6'"


def test_evidence_beats_prose(swarm: Swarm):
    run = judged(
        swarm,
        "elegant",
        plain=candidate(RIGHT, CHECK),
        plausible=candidate(WRONG, CHECK),
    )

    ruling = swarm.ask("aggregate", run, "--judge")

    assert (ruling["winner"], ruling["how"]) == ("plain", "evidence")
    assert "check" in ruling["out"]["plausible"]
    assert "only one that succeeded" in swarm.call("aggregate", run, "--judge").out


def test_a_judge_that_knows_what_it_wants_gives_the_same_in_both_orders(swarm: Swarm):
    run = judged(swarm, "elegant", a=candidate(RIGHT), b=candidate(WRONG))

    ruling = swarm.ask("aggregate", run, "--judge")

    assert (ruling["winner"], ruling["how"]) == ("b", "judges")
    assert [each["choice"] for each in ruling["opinions"]] == ["second", "first"]


def test_a_judge_that_takes_what_stands_first_makes_a_tie_and_it_is_said(swarm: Swarm):
    run = judged(swarm, "first", a=candidate(RIGHT), b=candidate(WRONG))

    done = swarm.call("aggregate", run, "--judge", code=1)

    assert "when the order was turned round: a tie of a, b." in done.out
    assert "j1 saw a first and chose a" in done.out


def test_candidates_are_shown_without_names(swarm: Swarm):
    run = judged(swarm, "echo", secretive=candidate(RIGHT), other=candidate(WRONG))

    heard = swarm.call("log", f"{run}/j1").out

    assert "Candidate 1." in heard
    assert "elegant" in heard
    assert "secretive" not in heard


@pytest.mark.parametrize(
    ("answers", "winner", "ends"),
    [(["blue", "Blue ", "red"], "blue", 0), (["blue", "red"], None, 1)],
)
def test_equal_answers_are_counted_and_a_tie_is_said(
    swarm: Swarm, answers: list[str], winner: str | None, ends: int
):
    tasks = {f"t{n}": says(swarm, f"p{n}", text) for n, text in enumerate(answers)}
    run = swarm.spawn({**tasks, "mute": TRUE})
    swarm.ended(run)

    vote = swarm.ask("aggregate", run, "--vote", code=ends)

    assert vote["winner"] == winner
    assert vote["silent"] == ["mute"]
    said = swarm.call("aggregate", run, "--vote", code=ends).out
    assert ("2 of 4 agree" in said) == (winner is not None)


def test_results_become_a_table_in_plan_order(swarm: Swarm):
    tasks = {
        name: says(swarm, name, {"name": name, "size": size})
        for name, size in (("zebra", 3), ("ape", -1))
    }
    run = swarm.spawn(tasks)
    swarm.ended(run)

    drawn = swarm.call("aggregate", run, "--table").lines
    assert drawn[0] == "| task | outcome | name | size |"
    zebra, ape = drawn[2:]
    assert zebra == "| zebra | succeeded | zebra | 3 |"
    assert ape == "| ape | succeeded | ape | -1 |"
    assert swarm.call("aggregate", run, "--table", "csv").lines[2] == (
        "ape,succeeded,ape,-1"
    )
    lines = swarm.call("aggregate", run, "--table", "jsonl").lines
    assert [json.loads(line)["result"]["size"] for line in lines] == [3, -1]


def test_only_one_way_of_folding_at_a_time_and_judging_needs_judges(swarm: Swarm):
    run = swarm.spawn({"a": TRUE})
    swarm.ended(run)
    many = swarm.call("aggregate", run, "--vote", "--judge", code=2)
    assert "give one of them" in many.err
    none = swarm.call("aggregate", run, "--judge", code=2)
    assert "No task" in none.err


def test_only_the_winner_is_merged_and_the_others_are_named(swarm: Swarm):
    run = judged(swarm, "elegant", a=candidate(RIGHT), b=candidate(WRONG))

    report = swarm.call("aggregate", run, "--merge").out

    assert "Merged 1 branch" in report
    assert "left out: a (b was chosen)" in report


def test_at_a_tie_no_candidate_is_merged(swarm: Swarm):
    run = judged(swarm, "first", a=candidate(RIGHT), b=candidate(WRONG))

    report = swarm.call("aggregate", run, "--merge").out

    assert "left out: a (no candidate has won)" in report
    assert "left out: b (no candidate has won)" in report
    assert f"Next: kimi-swarm aggregate {run} --judge" in report
    refused = swarm.call("aggregate", run, "--apply", code=2)
    assert "nothing was applied" in refused.err
