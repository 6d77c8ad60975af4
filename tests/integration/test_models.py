"""Which worker and model are taken when nobody names one, and what doctor can see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.scripted_model import ScriptedModel
from fakes.swarm import Swarm, worker

PARROT = worker("parrot.py")


def teach(swarm: Swarm, name: str, **fields: Any) -> None:
    interpreter, *words = PARROT
    swarm.own_profile(
        name,
        **{
            "summary": "Says what it hears.",
            "kind": "cli",
            "program": interpreter,
            "argv": [*words, ["-m", "{model}"]],
            "prompt_via": "stdin",
            "dialect": "swarm",
            "sends_to": "Nothing leaves the machine.",
            **fields,
        },
    )


def prefer(swarm: Swarm, *names: str) -> None:
    swarm.own_config(preferred=names)


@pytest.fixture
def user(swarm: Swarm) -> Swarm:
    swarm.repository()
    return swarm


def preview(user: Swarm) -> str:
    return user.call("plan", "--task", "hello", cwd=user.repository()).out


def test_the_first_preferred_worker_that_has_an_account_is_taken_and_said(user: Swarm):
    teach(user, "locked", login={"files": ["~/.locked"], "how": "locked login"})
    teach(user, "open")
    prefer(user, "locked", "open")
    assert "open is the first of locked, open that is ready here" in preview(user)

    Path(user.env["HOME"], ".locked").touch()
    assert "locked is the first of locked, open" in preview(user)


def test_without_any_worker_the_shortest_way_to_one_is_named(user: Swarm):
    teach(user, "gone", program="no-such-parrot", install="get parrot")
    prefer(user, "gone")
    refused = user.call("spawn", "--task", "hi", code=2, cwd=user.repository())
    assert "no_worker" in refused.err
    assert "get parrot" in refused.err
    assert user.ask("list")["runs"] == []


def test_a_preferred_model_that_is_offered_now_is_taken_and_said(user: Swarm):
    with ScriptedModel() as model:
        teach(
            user,
            "choosy",
            models={
                "url": f"{model.url}/models",
                "prefix": "us/",
                "prefer": ["none-such", "kimi-*"],
                "unless_env": ["OWN_MODEL"],
            },
            login={"env": ["PARROT_KEY"], "how": "parrot login"},
        )
        user.env["PARROT_KEY"] = "x"
        prefer(user, "choosy")
        told = preview(user)
        health = user.ask("doctor", code=None)
        offered = next(p for p in health["profiles"] if p["name"] == "choosy")
        user.env["OWN_MODEL"] = "1"
        own = preview(user)
    assert "choosy uses us/kimi-" in told
    assert "us/kimi-" not in own
    assert any(one.startswith("kimi-") for one in offered["models"])
    assert offered["login"] == "logged in, as far as can be seen"


def test_a_provider_that_does_not_answer_leaves_the_choice_to_the_worker(user: Swarm):
    teach(
        user,
        "choosy",
        models={"url": "http://127.0.0.1:9/models", "prefer": ["*"]},
    )
    prefer(user, "choosy")
    assert "did not answer; the worker's own default is used" in preview(user)
