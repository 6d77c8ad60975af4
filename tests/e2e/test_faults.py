"""What becomes of a real worker when its model, its settings or its user break it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import (
    KILO,
    KIMI,
    LEGACY,
    commands_of,
    wait_until,
    without_gateway,
    write_plan,
)
from e2e.swarm_cli import Swarm
from fakes.scripted_model import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _alone(workers: Swarm) -> None:
    """What is seen here is how the programs themselves take their provider's faults."""
    without_gateway(workers)


SLEEP = "sleep 314"
# What the prompt of each case says; three of them are killed at what they wait for.
CASES = {
    "silent": "FAULT hang250",
    "stalls": "FAULT stall250",
    "shell": f"RUN {SLEEP}",
    "asks": "ASK Which colour?",
    "s401": "FAULT 401",
    "s402": "FAULT 402",
    "s404": "FAULT 404",
    "s429-twice": "FAULT 429x2ra1",
    "s429": "FAULT 429ra1",
    "s500-once": "FAULT 500x1",
    "cut": "FAULT drop",
    "early-end": "FAULT dropeof",
    "unknown-model": "SAY never",
}
KILLED = ("silent", "stalls", "shell")
NO_SUCH_MODEL = {KILO: "scripted/nope", KIMI: "nope", LEGACY: "nope"}
SETTINGS = (
    "KILO_CONFIG",
    "KIMI_MODEL_NAME",
    "KIMI_MODEL_API_KEY",
    "KIMI_MODEL_BASE_URL",
)

WORKED = ("succeeded", "changes", None)
# Kilo tries again after a stream was cut, but not each time.
RESET = ("failed", "provider", True)
CANCELLED = ("cancelled", "killed", None)
# Case to outcome, reason, and whether the same may go well later.
ALIKE = {
    # Without a screen nobody can answer: the model goes on without.
    "asks": WORKED,
    "silent": CANCELLED,
    "stalls": CANCELLED,
    "shell": CANCELLED,
    "s401": ("failed", "auth", False),
    "s402": ("failed", "quota", False),
    "s404": ("failed", "unknown_model", False),
    "s429-twice": WORKED,
    "s429": ("failed", "rate_limit", True),
    "s500-once": WORKED,
    "cut": WORKED,
    "unknown-model": ("failed", "unknown_model", False),
}
TABLE = {
    KILO: {
        **ALIKE,
        "early-end": ("failed", "no_finish", None),
        "not-configured": ("failed", "unknown_model", False),
    },
    KIMI: {
        **ALIKE,
        "early-end": ("failed", "no_changes", None),
        "not-configured": ("failed", "not_configured", False),
    },
    LEGACY: {
        **ALIKE,
        "early-end": ("failed", "no_changes", None),
        "unknown-model": ("failed", "not_configured", False),
        "not-configured": ("failed", "not_configured", False),
    },
}


def task_of(case: str, profile: str) -> dict[str, str]:
    asked = f"Case {case}.\n{CASES[case]}\nWRITE {case}.txt done"
    model = {"model": NO_SUCH_MODEL[profile]} if case == "unknown-model" else {}
    return {"prompt": asked, **model}


def asked_for(model: ScriptedModel, case: str) -> bool:
    return any(f"Case {case}." in json.dumps(body) for body in list(model.bodies))


@pytest.mark.parametrize("profile", TABLE)
def test_each_fault_ends_a_real_worker_as_the_table_says(
    workers: Swarm, model: ScriptedModel, repository: Path, profile: str
) -> None:
    tasks = {case: task_of(case, profile) for case in CASES}
    plan = write_plan(
        repository,
        tasks,
        # What each says of a fault by itself; trying again is looked at elsewhere.
        defaults={"profile": profile, "timeout_s": 200, "retries": 0},
        limits={"concurrency": 12},
    )
    run = workers.spawn(plan)
    wait_until(lambda: commands_of(workers, SLEEP), limit_s=100)
    wait_until(lambda: all(asked_for(model, case) for case in KILLED), limit_s=100)
    for case in KILLED:
        workers.call("kill", f"{run}/{case}")
    assert commands_of(workers, SLEEP) == []
    sessions = workers.ended(run)
    sessions["not-configured"] = run_unconfigured(workers, repository, profile)

    told = {name: seen(one) for name, one in sessions.items()}
    if profile == KILO and told["cut"] == RESET:
        told["cut"] = WORKED
    assert told == TABLE[profile]
    for name, one in sessions.items():
        assert one["attempt"] == 1
        if one["outcome"] == "failed":
            assert one["message"], name
            assert one["remedy"], name


def seen(session: dict[str, Any]) -> tuple[str, str, bool | None]:
    return session["outcome"], session["reason"], session.get("retryable")


def run_unconfigured(workers: Swarm, repository: Path, profile: str) -> dict[str, Any]:
    """Run one task for a user who never set the worker up."""
    for name in SETTINGS:
        del workers.env[name]
    (Path(workers.env["HOME"]) / ".kimi" / "config.toml").unlink()
    task = {"prompt": "WRITE a.txt a", "profile": profile}
    if profile == KILO:  # unasked, it would try its own gateway
        task["model"] = "scripted/scripted"
    run = workers.spawn(write_plan(repository, {"only": task}))
    return workers.ended(run)["only"]
