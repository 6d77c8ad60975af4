"""Names of askers: none that cannot exist is taken, and none is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.host import FakeHost
from fakes.mcp_client import connected, text_of
from fakes.swarm import Swarm, until, worker
from kimi_swarm import Swarm as Runs
from kimi_swarm.core.askers import BadAskerError

KEY = "agent:main:main"
NONE = {"workspace": "none"}
LONG = {"a": {"argv": worker("silent.sh"), **NONE}}
GOOD = {"a": {"argv": ["true"], **NONE}}
BAD = ["", "a b", "*", "a\nb", "x" * 201, "é"]


@pytest.fixture
def run(swarm: Swarm) -> str:
    """A run of ada's that is at work."""
    return str(swarm.ask("spawn", swarm.plan(LONG), "--as", "ada")["run"])


def test_a_name_that_cannot_exist_is_refused_and_ends_nothing(swarm: Swarm, run: str):
    calls: list[tuple[str, ...]] = [("list", "--as", name) for name in BAD]
    for name in ("", "*"):
        calls += [("kill", "--all", "--as", name), ("kill", "--all", f"--as={name}")]
        calls += [("poll", "--as", name), ("wait", run, "--as", name)]
        calls += [("poll", run, "--as", name), ("poll", f"{run}/a", "--as", name)]

    for call in calls:
        assert swarm.ask(*call, code=2)["error"]["code"] == "bad_asker", call
    assert swarm.ask("list", run)["state"] == "running"


@pytest.mark.anyio
async def test_tools_refuse_it_too(swarm: Swarm, run: str):
    calls: list[tuple[str, dict[str, Any]]] = [
        ("kill", {"all": True}),
        ("list", {}),
        ("poll", {}),
        ("wait", {"run": run}),
    ]
    async with connected(swarm) as session:
        for tool, fields in calls:
            told = await session.call_tool(tool, {**fields, "asker": ""})
            assert told.is_error
            assert "[bad_asker]" in text_of(told)

    assert swarm.ask("list", run)["state"] == "running"


@pytest.mark.parametrize("name", BAD)
def test_python_programs_are_refused_before_anything_is_opened(name: str):
    with pytest.raises(BadAskerError):
        Runs(asker=name)


def test_whom_nothing_belongs_to_is_told_that_others_have_runs(swarm: Swarm, run: str):
    assert swarm.call("list", "--as", "nobody").out == (
        "No runs belong to nobody; `list` without --as shows all.\n"
    )
    assert swarm.call("kill", "--all", "--as", "nobody").out == (
        "Nothing to end: no run of nobody is at work; `list` shows all.\n"
    )
    assert run in swarm.call("list").out
    assert swarm.ask("list", run)["state"] == "running"


def test_what_is_next_after_a_start_is_to_wait_under_the_same_name(swarm: Swarm):
    FakeHost(swarm)
    told = swarm.call("spawn", swarm.plan(GOOD), "--as", "agent:ops:#a!").lines
    assert told[-1].endswith(" --as 'agent:ops:#a!'")

    told = swarm.call("spawn", swarm.plan(GOOD), "--notify", KEY).lines
    assert told[-1].endswith(f" --as {KEY}")

    run = swarm.spawn({"a": {"argv": ["false"], **NONE}})
    swarm.ended(run)
    told = swarm.call("retry", run, "--notify", KEY).lines
    assert told[-1] == f"Next: kimi-swarm wait {run} --as {KEY}"


def test_whatever_is_done_with_a_run_its_owner_goes_on_waiting_under_its_name(
    swarm: Swarm, run: str
):
    more = swarm.plan({"bad": {"argv": ["false"], **NONE}})
    swarm.until_state(f"{run}/a", "running")
    last = f"Next: kimi-swarm wait {run} --as ada"

    assert swarm.call("list", run).lines[-1] == last
    assert swarm.call("aggregate", run, code=1).lines[-1] == last
    swarm.call("pause", run)
    assert swarm.call("resume", run).lines[-1] == last
    assert swarm.call("spawn", more, "--into", run).lines[-1] == last
    until(lambda: swarm.sessions(run)["bad"]["outcome"] == "failed")
    assert swarm.call("retry", run).lines[-1] == last


def test_an_end_that_is_told_while_the_run_goes_on_names_who_waits(swarm: Swarm):
    mine = str(swarm.ask("spawn", swarm.plan(GOOD), "--as", "ada")["run"])
    nobody_s = swarm.spawn(GOOD)
    for one in (mine, nobody_s):
        swarm.ask("wait", one, "--as", "watcher")
        more = swarm.plan({"b": {"argv": worker("silent.sh"), **NONE}})
        swarm.call("spawn", more, "--into", one)

    told = swarm.call("poll", "--as", "ada").lines

    assert [line.rpartition("Next: kimi-swarm ")[2] for line in told] == [
        f"wait {mine} --as ada",
        f"wait {nobody_s} --as ada",
    ]


def test_who_spawns_into_its_run_and_waits_has_told_the_end_to_itself(swarm: Swarm):
    mine = str(swarm.ask("spawn", swarm.plan(GOOD), "--as", "ada")["run"])
    more = swarm.plan({"b": {"argv": ["true"], **NONE}})
    swarm.call("spawn", more, "--into", mine, "--wait")
    assert swarm.ask("poll", "--as", "ada")["completions"] == []
