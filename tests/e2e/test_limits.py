"""Real workers at a provider with limits: all succeed, and no limit is ever broken."""

from __future__ import annotations

import json
import math
import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import KILO, KIMI, write_plan
from e2e.swarm_cli import Swarm
from fakes.scripted_model import Limits, ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(900)]

AT_ONCE, A_MINUTE = 3, 30
is_slow_wanted = os.environ.get("KIMI_SWARM_E2E_SLOW") == "1"


def tell_limits(swarm: Swarm, model: ScriptedModel, **terms: Any) -> None:
    """Write a pool for the model into the user's own configuration."""
    folder = Path(swarm.env["HOME"]) / ".config" / "kimi-swarm"
    folder.mkdir(parents=True)
    pools = {"narrow": {"url": f"127.0.0.1:{model.port}", **terms}}
    (folder / "config.yaml").write_text(json.dumps({"pools": pools}))


def crowd(counts: dict[str, int], steps: int) -> dict[str, Any]:
    """Return tasks that ask the model so often, and once more for the end."""
    return {
        f"{profile}-{number}": {
            "prompt": "\n".join(
                f"WRITE {profile}-{number}-{step}.txt done" for step in range(steps)
            ),
            "profile": profile,
        }
        for profile, count in counts.items()
        for number in range(count)
    }


def shortest_s(model: ScriptedModel) -> float:
    """Return the least time in which the limits allow what the model served.

    Of requests of which 30 fit into any minute, the first 30 may come at once, the next
    30 a minute after these, and so on. No more than three are served at a time.
    """
    served = [one for one in model.requests if one["status"] == 200]
    service_s = sum(one["ended_at"] - one["began_at"] for one in served)
    by_rate_s = (math.ceil(len(served) / A_MINUTE) - 1) * 60.0
    return max(by_rate_s, float(service_s / AT_ONCE))


@pytest.mark.parametrize(
    ("kimis", "kilos", "steps"),
    [
        (6, 1, 4),
        pytest.param(
            *(20, 5, 6),
            marks=pytest.mark.skipif(
                not is_slow_wanted, reason="takes minutes: KIMI_SWARM_E2E_SLOW=1"
            ),
        ),
    ],
)
def test_told_limits_are_never_broken_and_well_used(
    workers: Swarm,
    model: ScriptedModel,
    repository: Path,
    request: pytest.FixtureRequest,
    kimis: int,
    kilos: int,
    steps: int,
) -> None:
    model.limits = Limits(max_concurrency=AT_ONCE, rpm=A_MINUTE)
    tell_limits(workers, model, concurrency=AT_ONCE, requests_per_minute=A_MINUTE)
    tasks = crowd({KIMI: kimis, KILO: kilos}, steps)
    plan = write_plan(repository, tasks, limits={"concurrency": len(tasks)})
    began_at = time.time()
    run = workers.spawn(plan)
    workers.call("wait", run, "--timeout-s", "800", code=None, limit_s=820)
    ended_at = time.time()
    sessions = workers.sessions(run)

    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    assert len(sessions) == kimis + kilos
    assert {one["attempt"] for one in sessions.values()} == {1}
    assert not model.breaches
    assert model.count_by_status().keys() == {"200"}
    assert model.peak_in_flight <= AT_ONCE
    least_s, first_at = shortest_s(model), model.requests[0]["began_at"]
    took_s, asked_s = ended_at - began_at, ended_at - first_at
    asked = f"{len(model.requests)} requests, at best in {least_s:.0f} s"
    told = f"{kimis} kimi, {kilos} kilo: {asked}; spawn to end {took_s:.0f} s"
    note = (told, f"first request to end {asked_s:.0f} s")
    request.node.user_properties.append(("crowd", "; ".join(note)))
    # A short run is mostly the starts of its programs, which no limit speaks of.
    assert (took_s if steps > 4 else asked_s) <= 1.25 * least_s


def test_a_provider_that_takes_one_at_a_time_gets_one_session_after_the_other(
    workers: Swarm,
    model: ScriptedModel,
    repository: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Nobody said so: its refusals do."""
    model.limits = Limits(max_concurrency=1)
    tasks = crowd({KIMI: 7}, 3)
    for task in tasks.values():
        task["prompt"] += "\nFAULT slow100"
    plan = write_plan(repository, tasks, limits={"concurrency": 3})
    run = workers.spawn(plan)
    sessions = workers.ended(run)
    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    assert {one["attempt"] for one in sessions.values()} == {1}
    assert model.breaches["concurrency"] >= 1
    refused = model.count_by_status().get("429", 0)
    request.node.user_properties.append(("crowd", f"7 kimi at one: {refused} refused"))
    in_order = sorted(sessions.values(), key=lambda one: one["started_at"])
    for before, after in pairwise(in_order[3:]):
        assert before["ended_at"] <= after["started_at"]
