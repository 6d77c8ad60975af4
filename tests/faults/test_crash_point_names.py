"""The list of crash points and the code that comes to them are the same."""

from __future__ import annotations

import re

from fakes.swarm import ROOT, Swarm
from kimi_swarm.process.crash_point import POINTS

CODE = ROOT / "skill" / "kimi_swarm"
# Where one is reached: `reach("name")`, or handed over as `before="name"`.
REACHED = re.compile(r'(?:reach\(|before=)"([a-z_.]+)"')


def test_every_crash_point_is_listed_and_every_listed_one_is_reached_in_one_place():
    texts = [path.read_text("utf-8") for path in CODE.rglob("*.py")]
    found = [name for text in texts for name in REACHED.findall(text)]

    assert sorted(found) == sorted(POINTS)


def test_a_crash_point_that_does_not_exist_is_refused_with_those_that_do(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": ["true"], "workspace": "none"}})
    swarm.env["KIMI_SWARM_CRASH_AT"] = "shim.before_lunch"

    error = swarm.ask("spawn", plan, code=2)["error"]

    assert error["code"] == "unknown_crash_point"
    assert "'shim.before_lunch'" in error["message"]
    assert "shim.before_rename" in error["remedy"]
    del swarm.env["KIMI_SWARM_CRASH_AT"]
    assert swarm.ask("list")["runs"] == []


def test_the_third_time_can_be_meant(swarm: Swarm):
    swarm.env["KIMI_SWARM_CRASH_AT"] = "shim.after_start:3"
    task = {"argv": ["sleep", "0.1"], "workspace": "none", "retries": 0}
    tasks = {"a": task, "b": {**task, "needs": ["a"]}, "c": {**task, "needs": ["b"]}}

    ended = swarm.ended(swarm.spawn(tasks))

    outcomes = {name: one["outcome"] for name, one in ended.items()}
    assert outcomes == {"a": "succeeded", "b": "succeeded", "c": "lost"}
