"""Strategies on real workers: two kinds of them, mixed in one plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.real_workers import KILO, KIMI, write_plan
from e2e.swarm_cli import Swarm, git
from fakes.model_script import text_of
from fakes.scripted_model import ScriptedModel, content_for, instructions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SPLIT = {
    "goal": "A home page",
    "components": "header, prices",
    "check": "test -s src/App.tsx",
}
POEM = "Create `poem.md` with a poem on rivers."
WAYS = ("short lines", "long lines")
FINDING = "Update `poem.md` with a poem that ends at the sea."


def pairs(values: Mapping[str, object]) -> list[str]:
    return [f"--set={name}={value}" for name, value in values.items()]


def run_strategy(
    workers: Swarm, repository: Path, name: str, values: Mapping[str, object]
) -> dict[str, dict[str, Any]]:
    """Run a strategy in a repository to its end; gives its sessions by task."""
    words = ("spawn", "--strategy", name, *pairs(values))
    return workers.ended(str(workers.ask(*words, cwd=repository)["run"]))


def merged(workers: Swarm, repository: Path, run: str) -> dict[str, str]:
    """Merge a run; gives the files that differ from main, with their content."""
    workers.ask("aggregate", run, "--merge", cwd=repository)
    branch = f"swarm/{run}/merged"
    names = git(repository, "diff", "--name-only", f"main...{branch}").split()
    return {name: git(repository, "show", f"{branch}:{name}") for name in names}


def heard(model: ScriptedModel, task: str) -> str:
    """Return the prompt that reached the model for one task."""
    texts = (
        text_of(message.get("content"))
        for body in model.bodies
        for message in body.get("messages") or ()
        if message.get("role") == "user"
    )
    told = (f"its name is {task}.", f"the name of this task is {task}.")
    found = (
        text for text in texts if any(one in " ".join(text.split()) for one in told)
    )
    return next(found)


def test_parts_by_one_kind_of_worker_are_put_together_by_another(
    workers: Swarm, model: ScriptedModel, repository: Path
) -> None:
    words = pairs({**SPLIT, "profile": KILO})
    shown = workers.call("plan", "component-split", *words, "--yaml", cwd=repository)
    plan = yaml.safe_load(shown.out)
    plan["tasks"]["assemble"]["profile"] = KIMI

    run = workers.spawn(write_plan(repository, **plan))
    sessions = workers.ended(run)

    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    profiles = {name: one["profile"] for name, one in sessions.items()}
    assert profiles.pop("assemble") == KIMI
    assert profiles == dict.fromkeys(("header", "prices"), KILO)
    asked = [
        one for task in plan["tasks"].values() for one in instructions(task["prompt"])
    ]
    assert merged(workers, repository, run) == {
        one.path: content_for(one.path, one.line) for one in asked
    }
    assert heard(model, "assemble").count("> DONE 1 step(s)") == len(profiles)


def test_judges_of_one_kind_choose_between_two_kinds_without_their_names(
    workers: Swarm, model: ScriptedModel, repository: Path
) -> None:
    values = {
        "task": POEM,
        "approaches": json.dumps(WAYS),
        "profiles": f"{KILO}, {KIMI}",
        "judge_profile": KILO,
        "criteria": "how it reads\nPREFER long lines\nand nothing else",
    }
    sessions = run_strategy(workers, repository, "ab", values)

    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    profiles = {name: one["profile"] for name, one in sessions.items()}
    assert profiles == {
        "short-lines": KILO,
        "long-lines": KIMI,
        "judge-1": KILO,
        "judge-2": KILO,
    }
    run = sessions["judge-1"]["run"]
    ruling = workers.ask("aggregate", run, "--judge")
    assert (ruling["winner"], ruling["how"]) == ("long-lines", "judges")
    choices = {one["judge"]: one["choice"] for one in ruling["opinions"]}
    assert choices == {"judge-1": "second", "judge-2": "first"}
    for judge in choices:
        shown = heard(model, judge)
        assert all(f"In this way: {way}" in shown for way in WAYS)
        for name in ("short-lines", "long-lines", KILO, KIMI, "swarm/"):
            assert name not in shown


def test_what_another_kind_of_worker_finds_is_mended_and_then_accepted(
    workers: Swarm, model: ScriptedModel, repository: Path
) -> None:
    refused = json.dumps({"accept": False, "findings": [FINDING]})
    accepted = json.dumps({"accept": True, "findings": []})
    values = {
        "task": POEM,
        "profile": KILO,
        "reviewer": KIMI,
        "criteria": "\n".join(
            [
                "its end",
                f"ANSWER review-1 {refused}",
                f"ANSWER review-2 {accepted}",
                "alone",
            ]
        ),
    }
    sessions = run_strategy(workers, repository, "review-implement", values)

    told = {name: (one["profile"], one["reason"]) for name, one in sessions.items()}
    assert told == {
        "implement": (KILO, "changes"),
        "review-1": (KIMI, "answer"),
        "mend-1": (KILO, "changes"),
        "review-2": (KIMI, "answer"),
        "mend-2": (KILO, "not_needed"),
    }
    first, second = heard(model, "review-1"), heard(model, "review-2")
    assert f"> +asked: {POEM}" in first
    assert f'"{FINDING}"' in heard(model, "mend-1")
    assert "was mended since the last review" in " ".join(second.split())
    assert f"> +asked: {FINDING}" in second
    assert f"> +asked: {POEM}" not in second
    run = sessions["mend-1"]["run"]
    assert merged(workers, repository, run) == {
        "poem.md": content_for("poem.md", FINDING)
    }
