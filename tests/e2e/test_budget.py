"""Real workers on a budget of money: kept to, told, and raised."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import KILO, KIMI, USD_PER_MILLION, write_plan
from e2e.swarm_cli import Swarm
from fakes.scripted_model import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

AT_ONCE = 3
is_slow_wanted = os.environ.get("KIMI_SWARM_E2E_SLOW") == "1"


@pytest.fixture
def priced(workers: Swarm) -> Swarm:
    """A user who has written down what the scripted model costs."""
    folder = Path(workers.env["HOME"]) / ".config" / "kimi-swarm"
    folder.mkdir(parents=True, exist_ok=True)
    price = {
        "model": "scripted",
        "since": "2026-01-01",
        "input": USD_PER_MILLION["input"],
        "cached": USD_PER_MILLION["cache_read"],
        "output": USD_PER_MILLION["output"],
    }
    (folder / "prices.yaml").write_text(json.dumps({"prices": [price]}))
    return workers


def task(name: str, profile: str) -> dict[str, Any]:
    return {"prompt": f"WRITE {name}.txt done", "profile": profile}


def cost_usd(one: dict[str, Any]) -> float:
    """Tell what one answer of the model cost, as the provider would bill it."""
    cached = one["usage"]["prompt_tokens_details"]["cached_tokens"]
    fresh = one["usage"]["prompt_tokens"] - cached
    whole = (
        fresh * USD_PER_MILLION["input"]
        + cached * USD_PER_MILLION["cache_read"]
        + one["usage"]["completion_tokens"] * USD_PER_MILLION["output"]
    )
    return float(whole) / 1_000_000


@pytest.mark.parametrize(
    ("kimis", "kilos", "paid"),
    [
        (9, 1, 4),
        pytest.param(
            *(27, 3, 10),
            marks=pytest.mark.skipif(
                not is_slow_wanted, reason="takes minutes: KIMI_SWARM_E2E_SLOW=1"
            ),
        ),
    ],
)
def test_money_for_some_of_many_tasks_is_kept_to_and_told_and_raised(
    priced: Swarm,
    model: ScriptedModel,
    repository: Path,
    request: pytest.FixtureRequest,
    kimis: int,
    kilos: int,
    paid: int,
) -> None:
    alone = priced.spawn(write_plan(repository, {"probe": task("probe", KIMI)}))
    (probe,) = priced.ended(alone).values()
    each = float(probe["usage"]["cost_usd"])
    before = len(model.requests)
    names = {f"{KIMI}-{n}": KIMI for n in range(kimis)}
    names |= {f"{KILO}-{n}": KILO for n in range(kilos)}
    plan = write_plan(
        repository,
        {name: task(name, profile) for name, profile in names.items()},
        limits={"usd": round(paid * each, 6), "concurrency": AT_ONCE},
    )
    run = priced.spawn(plan)
    line = priced.call("wait", run, code=1).out

    billed = [cost_usd(one) for one in model.requests[before:] if "usage" in one]
    budget, spent = round(paid * each, 6), sum(billed)
    assert f"{run} held: budget usd" in line
    assert f"resume {run} --usd" in line
    stands = [one["outcome"] or one["state"] for one in priced.sessions(run).values()]
    done, undone = stands.count("succeeded"), stands.count("queued")
    assert done + undone == len(names), stands
    # One request more, at most, for each worker at work.
    assert spent <= budget + AT_ONCE * max(billed)
    assert paid - AT_ONCE <= done <= paid + AT_ONCE
    assert not [one for one in stands if one == "failed"]

    priced.call("resume", run, "--usd", f"{3 * len(names) * each:.6f}")
    ended = priced.ended(run)
    assert {one["outcome"] for one in ended.values()} == {"succeeded"}, ended
    billed = [cost_usd(one) for one in model.requests[before:] if "usage" in one]
    (told,) = priced.ask("stats", run, "--by", "run")["groups"]
    assert told["cost_usd"] == pytest.approx(sum(billed), abs=1e-6)
    note = f"{paid} of {len(names)} tasks paid for: {done} done for {spent / each:.1f}"
    request.node.user_properties.append(("crowd", note))
