"""Real workers after faults that pass: tried again, in the conversation they had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import KILO, KIMI, LEGACY, without_gateway, write_plan
from e2e.swarm_cli import Swarm, git
from fakes.scripted_model import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _alone(workers: Swarm) -> None:
    """What is seen here is how the programs themselves take their provider's faults."""
    without_gateway(workers)


# After the first of two steps, and once more than the worker itself tries it again. A
# rate limit is nobody's failure.
BEYOND_PATIENCE = {
    KILO: ("429x6ra1@1", ("cancelled", "rate_limit")),
    KIMI: ("500x4@1", ("failed", "provider")),
    LEGACY: ("500x9@1", ("failed", "provider")),
}
GO_ON = "Your last turn was cut off"
SILENCE_S = 20


def run_once(
    workers: Swarm, repository: Path, profile: str, fault: str, **more: Any
) -> list[dict[str, Any]]:
    """Run a task of two steps that meets a fault; return its sessions in order."""
    prompt = f"Case {fault}.\nFAULT {fault}\nWRITE first.txt one\nWRITE second.txt two"
    task = {"prompt": prompt, "profile": profile, **more}
    defaults = {"retries": 2, "retry_delay_s": 0.1, "timeout_s": 200}
    run = workers.spawn(write_plan(repository, {"only": task}, defaults=defaults))
    workers.ended(run)
    sessions: list[dict[str, Any]] = workers.ask("list", run)["sessions"]
    return sessions


def assert_resumed(
    sessions: list[dict[str, Any]], model: ScriptedModel, repository: Path
) -> None:
    """Hold the second session to be the first one's conversation, gone on with."""
    first, second = sessions
    assert (second["outcome"], second["reason"]) == ("succeeded", "changes"), second
    assert first["retry"]["resumes"]
    for field in ("workspace", "branch"):
        assert first[field] == second[field]
    for name, words in (("first", "one"), ("second", "two")):
        shown = git(repository, "show", f"{second['branch']}:{name}.txt")
        assert shown == f"{words}\n"
    heard = json.dumps(model.bodies[-1]["messages"])
    assert heard.count("WRITE first.txt one") == 1
    assert heard.count(GO_ON) == 1
    served = [one for one in model.requests if one.get("fault")]
    assert len({one["conversation"] for one in served}) == 1


@pytest.mark.parametrize("profile", BEYOND_PATIENCE)
def test_a_fault_beyond_its_own_patience_does_not_cost_its_conversation(
    workers: Swarm, model: ScriptedModel, repository: Path, profile: str
) -> None:
    fault, ended = BEYOND_PATIENCE[profile]
    sessions = run_once(workers, repository, profile, fault)
    assert (sessions[0]["outcome"], sessions[0]["reason"]) == ended
    assert_resumed(sessions, model, repository)


@pytest.mark.parametrize("profile", [KILO, KIMI])
def test_a_model_that_falls_silent_once_does_not_cost_the_conversation(
    workers: Swarm, model: ScriptedModel, repository: Path, profile: str
) -> None:
    sessions = run_once(
        workers, repository, profile, "hang250x1@1", silence_s=SILENCE_S
    )
    first = sessions[0]
    assert (first["outcome"], first["reason"]) == ("timed_out", "stalled")
    assert f" {SILENCE_S} s" in first["message"]
    assert_resumed(sessions, model, repository)


@pytest.mark.parametrize("profile", [KILO, KIMI])
def test_a_refused_key_is_not_tried_again(
    workers: Swarm, model: ScriptedModel, repository: Path, profile: str
) -> None:
    (only,) = run_once(workers, repository, profile, "401")
    assert (only["outcome"], only["reason"]) == ("failed", "auth")
    assert model.count_by_status() == {"401": 1}
