"""What a preview says in words, its object says too: programs show, then spawn."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import Swarm, worker
from kimi_swarm.core.durations import seconds
from kimi_swarm.telling import preview
from kimi_swarm.workers.plain import clip

NONE = {"workspace": "none"}
SMALL = {"limits": {"wall_s": 3600, "spacing_s": 2.5, "usd": 1.5, "requests": 77_777}}


def facts(told: object) -> Iterator[str]:
    """Yield each value of an object in the ways in which a line may write it."""
    match told:
        case dict():
            for key, value in told.items():
                yield from (str(key), *facts(value))
        case list():
            yield str(len(told))
            for value in told:
                yield from facts(value)
        case str():
            yield from (told, told[:12], told.strip().partition("\n")[0])
            yield clip(told, preview.TITLE_CHARS)
        case int() | float():
            yield from (f"{told:.2f}", f"{told:.4f}", f"{told:,.0f}", f"{told:.0f}")
            yield seconds(told)
        case _:
            assert told is None


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\s,;:.()·≤…$*/'\"`{}\[\]\\-]+", text))


def not_in(told: dict[str, Any], text: str) -> set[str]:
    """Return words of a preview that are neither in its object nor its own wording."""
    for fact in sorted(set(facts(told)), key=len, reverse=True):
        if len(fact) > 1 or fact.isdigit():
            text = re.sub(rf"(?<!\w){re.escape(fact)}(?!\w)", " ", text)
    return words(text) - words(inspect.getsource(preview))


def of_every_kind(swarm: Swarm) -> list[object]:
    """Return a plan whose preview has all kinds of lines."""
    swarm.teach(
        "helper",
        worker("edits.py"),
        sends_to="Prompts go to a friend.",
        permissions={"edit": {"holds": "A fence of willow."}},
    )
    swarm.own_config(budgets={"month": {"usd": 12.5}})
    Path(swarm.repository(), "scratch.txt").write_text("not committed\n")
    tasks = {
        "zebra": {"prompt": "Paint `stripes`.\nThen more.", "timeout_s": 61},
        "okapi": {
            "prompt": "Draw `legs`.",
            "needs": ["zebra"],
            "check": "test -s legs",
        },
        "tapir": {"prompt": "Say it. " * 40, "profile": "demo", **NONE},
        "gnu": {"argv": ["true"], "limits": {"tokens": 4321}},
    }
    return [swarm.plan(tasks, defaults={"profile": "helper"}, **SMALL)]


def of_a_new_repository(swarm: Swarm) -> list[object]:
    tasks = {"zebra": {"prompt": "Create `zebra.txt`"}}
    return [swarm.plan(tasks, defaults={"profile": "demo"}, repo="new")]


def of_a_strategy(swarm: Swarm) -> list[object]:
    swarm.repository()
    words = ["--strategy", "panel", "--set", "question=Which zebra?"]
    return [*words, "--profile", "demo", "--permission", "full", "--concurrency", "3"]


@pytest.mark.parametrize("ask", [of_every_kind, of_a_new_repository, of_a_strategy])
def test_every_fact_of_a_preview_is_in_its_object(swarm: Swarm, ask: Any):
    asked = ask(swarm)
    where = swarm.folder / "repo" if ask is of_a_strategy else swarm.folder
    text = swarm.call("plan", *asked, cwd=where).lines[:-1]  # but for the next call
    told = swarm.ask("plan", *asked, cwd=where)
    assert {line: not_in(told, line) for line in text if not_in(told, line)} == {}


def test_a_part_that_an_object_leaves_out_is_missed(swarm: Swarm):
    asked = of_every_kind(swarm)
    text = "\n".join(swarm.call("plan", *asked).lines[:-1])
    told = swarm.ask("plan", *asked)
    parts = ("repo", "base", "workers", "tasks", "concurrency", "spacing_s", "wall_s")
    for part in (*parts, "budgets", "notes"):
        rest = {key: told[key] for key in told.keys() - {part, "plan", "models"}}
        assert not_in(rest, text), part


def test_a_preview_as_an_object_says_what_was_chosen(swarm: Swarm):
    told = swarm.ask("plan", *of_every_kind(swarm))
    repo = swarm.folder / "repo"
    demo, helper = (
        next(one for one in told["workers"] if one["name"] == name)
        for name in ("demo", "helper")
    )
    assert (Path(told["repo"]), told["new_repo"]) == (repo, False)
    assert re.fullmatch("[0-9a-f]{40}", told["base"])
    assert (told["spacing_s"], told["wall_s"], told["concurrency"]) == (2.5, 3600, 5)
    assert demo["sends_to"] == "Nothing leaves the machine."
    assert helper == {
        "name": "helper",
        "models": None,
        "permission": "edit",
        "sends_to": "Prompts go to a friend.",
        "holds": "A fence of willow.",
        "limits": "held per session only.",
        "budget_held": "per_session",
    }
    tasks = {one["name"]: one for one in told["tasks"]}
    assert {name: one["profile"] for name, one in tasks.items()} == {
        "zebra": "helper",
        "okapi": "helper",
        "tapir": "demo",
        "gnu": "command",
    }
    assert tasks["okapi"]["needs"] == ["zebra"]
    assert tasks["tapir"]["workspace"] == "none"
    assert [(one["scope"], one["good"]) for one in told["budgets"]] == [
        ("run", "usd"),
        ("run", "requests"),
        ("task/gnu", "tokens"),
    ]
    assert told["standing_budgets"] == [
        {"scope": "month", "good": "usd", "most": 12.5, "at_limit": "stop_starting"}
    ]


def test_what_spawn_says_of_workers_is_in_its_object(swarm: Swarm):
    words = ["--task", "Create `a.txt`", "--profile", "demo", "--workspace", "fresh"]
    shown = swarm.ask("plan", *words, "--permission", "full")["workers"]
    started = swarm.ask("spawn", *words, "--permission", "full")["workers"]
    assert [one["permission"] for one in started] == ["full"]
    assert started == shown
