"""Many real workers at once, held to what the machine carries."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import KILO, KIMI, write_plan
from e2e.swarm_cli import Swarm
from fakes.scripted_model import Limits, ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(600)]

is_slow_wanted = os.environ.get("KIMI_SWARM_E2E_SLOW") == "1"


def peak(sessions: Iterable[dict[str, Any]]) -> int:
    """Count how many were alive at once, at most: ends before starts."""
    moments = [
        moment
        for one in sessions
        for moment in ((one["started_at"], 1), (one["ended_at"], -1))
    ]
    living = highest = 0
    for _, change in sorted(moments):
        living += change
        highest = max(highest, living)
    return highest


def test_two_first_starts_of_kilo_at_once_both_work(
    workers: Swarm, model: ScriptedModel, repository: Path
) -> None:
    model.limits = Limits(meet=("left.txt", "right.txt"))
    assert not (Path(workers.env["HOME"]) / ".local" / "share" / "kilo").exists()
    runs = []
    for name in ("left", "right"):
        task = {"prompt": f"WRITE {name}.txt done", "profile": KILO}
        runs.append(workers.spawn(write_plan(repository, {name: task})))
    for run in runs:
        for one in workers.ended(run).values():
            assert (one["outcome"], one["reason"]) == ("succeeded", "changes")
    assert [one["met"] for one in model.requests if one.get("met") is not None] == [
        True,
        True,
    ]
    (warm_up,) = (workers.state / "warm").iterdir()
    assert warm_up.name.startswith(f"{KILO}-")


@pytest.mark.parametrize(
    ("kilos", "kimis"),
    [
        (5, 14),
        pytest.param(
            10,
            20,
            marks=pytest.mark.skipif(
                not is_slow_wanted, reason="takes minutes: KIMI_SWARM_E2E_SLOW=1"
            ),
        ),
    ],
)
def test_a_crowd_of_real_workers_finishes_within_what_the_machine_carries(
    workers: Swarm,
    repository: Path,
    request: pytest.FixtureRequest,
    kilos: int,
    kimis: int,
) -> None:
    told = workers.ask("doctor")
    carries = {one["name"]: one["carries"] for one in told["profiles"]}
    tasks = {
        f"{profile}-{number}": {
            "prompt": f"WRITE {profile}-{number}.txt done",
            "profile": profile,
        }
        for profile, count in ((KILO, kilos), (KIMI, kimis))
        for number in range(count)
    }
    plan = write_plan(repository, tasks, limits={"concurrency": len(tasks)})
    began = time.monotonic()
    run = workers.spawn(plan)
    workers.call("wait", run, "--timeout-s", "500", code=None, limit_s=510)
    seconds = time.monotonic() - began
    sessions = workers.sessions(run)

    outcomes = Counter(one["outcome"] for one in sessions.values())
    assert outcomes == {"succeeded": kilos + kimis}, sessions
    for profile, count in ((KILO, kilos), (KIMI, kimis)):
        ours = [one for one in sessions.values() if one["profile"] == profile]
        highest = peak(ours)
        cpu_s = sum(one["cpu_s"] for one in ours) / count
        figures = f"{count} {profile}, {highest} at once, {cpu_s:.1f} CPU s each"
        took = f"all of {len(sessions)} ended after {seconds:.0f} s"
        request.node.user_properties.append(("crowd", f"{figures}; {took}"))
        assert 1 < highest <= min(carries[profile], count)
