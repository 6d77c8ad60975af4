"""The real host dies between spawn and end: its agent still learns how it ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from e2e.openclaw_host import SESSION, OpenClaw, published
from e2e.swarm_cli import Swarm
from fakes.host_model import HostModel, Step
from fakes.model_calls import ToolCall
from fakes.swarm import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TALK_LIMIT_S = 240.0
FACTS = {"folder": r"<location>([^<]*kimi-swarm)/SKILL\.md<", "key": r"session=(\S+)"}
PLAN = """
defaults: {{profile: command, workspace: none}}
tasks:
  north: {{argv: [sh, -c, {wait}]}}
  east: {{argv: [sh, -c, {wait}]}}
  south: {{argv: [sh, -c, {wait}]}}
  west: {{argv: [sh, -c, {wait}]}}
"""
ASKED = "What became of the four?"


def run_command(words: str, **more: Any) -> ToolCall:
    command = f"python3 ${{folder}}/skill/swarm.py {words}"
    return ToolCall("exec", {"command": command, **more})


def beginning(plan: Path, how: str) -> list[Step]:
    """Spawn, leave a waiter in the host's background, and end the turn."""
    return [
        Step(
            run_command(f"spawn {plan} {how}", yieldMs=120_000),
            captures=FACTS,
        ),
        Step(
            run_command("wait ${run} --as ${key}", background=True, timeoutSeconds=0),
            captures={"run": r"([a-z]+-[a-z]+): 4 tasks queued on command"},
        ),
        Step(
            "Four are at work; I will say when they are done.", expect="still running"
        ),
    ]


ENDING = [
    Step(run_command("aggregate ${run}", yieldMs=120_000)),
    Step("All four are done.", expect=r"# ${run} .*4 succeeded"),
]


class Scene(NamedTuple):
    """A host whose agent has spawned four workers that wait at a gate."""

    host: OpenClaw
    agent: HostModel
    swarm: Swarm
    gate: Path

    def reach(self, steps: int) -> None:
        """Wait until the agent has gone so many steps."""

        def is_there() -> bool:
            assert not self.agent.problems, "\n".join(self.agent.problems)
            return len(self.agent.exchanges) >= steps

        until(is_there, limit_s=TALK_LIMIT_S)

    def notice(self) -> dict[str, Any]:
        (notice,) = self.swarm.ask("list", self.agent.captured["run"])["notices"]
        return dict(notice)


@pytest.fixture
def scene(
    swarm: Swarm, commands: Path, tree: Path, tmp_path: Path
) -> Iterator[Callable[[str, list[Step]], Scene]]:
    """Begin a scene: how the agent spawns, and what it does after its first turn."""
    plan, gate = tmp_path / "four.yaml", tmp_path / "gate"
    wait = f'"until [ -e {gate} ]; do sleep 0.1; done"'
    plan.write_text(PLAN.format(wait=wait))
    hosts: list[OpenClaw] = []
    agents: list[HostModel] = []

    def begin(how: str, steps: list[Step]) -> Scene:
        first = beginning(plan, how)
        agent = HostModel([*first, *steps])
        agents.append(agent)
        agent.__enter__()
        host = OpenClaw(tmp_path / "host", commands, agent.url, swarm.env)
        hosts.append(host)
        given = published(tree, tmp_path / "download" / "kimi-swarm")
        host.call("skills", "install", given)
        host.start()
        turn = host.say("Let four workers wait for me.")
        made = Scene(host, agent, swarm, gate)
        made.reach(len(first))
        # A turn that it holds to be going on would be taken up again after a restart.
        host.wait_for_turn(turn)
        return made

    yield begin
    for host in hosts:
        host.end()
    for agent in agents:
        agent.__exit__()


def test_a_run_that_ends_while_the_host_is_dead_is_told_once_it_is_back(
    scene: Callable[[str, list[Step]], Scene], record_property: Any
) -> None:
    told = Step(
        ENDING[0].answer,
        expect=r"System: [^\n]*${run}#\d+: 4 succeeded\. Next: ",
        captures={"end": r"System: [^\n]* ([a-z]+-[a-z]+#\d+): 4 succeeded"},
    )
    begun = scene("--notify ${key}", [told, ENDING[1]])

    begun.host.kill()
    begun.gate.touch()
    until(lambda: begun.notice()["tries"], limit_s=TALK_LIMIT_S)
    refused = begun.notice()
    begun.host.start()
    begun.agent.wait_for_end(limit_s=TALK_LIMIT_S)

    run, captured = begun.agent.captured["run"], begun.agent.captured
    assert captured["key"] == SESSION
    assert (refused["state"], refused["session_key"]) == ("due", SESSION)
    assert str(refused["trouble"]).startswith("exit code 1: Gateway not reachable")
    until(lambda: begun.notice()["state"] == "accepted", limit_s=TALK_LIMIT_S)
    accepted = begun.notice()
    assert accepted["completion"] == captured["end"]
    # Accepted is not heard: what a host forgot, its agent can still ask for.
    (still,) = begun.swarm.ask("poll", "--as", SESSION)["completions"]
    assert (still["run"], still["completion"]) == (run, captured["end"])
    record_property("real programs", f"openclaw told at try {accepted['tries']}")


def test_an_agent_whose_waiter_died_with_the_host_asks_once_and_learns_it(
    scene: Callable[[str, list[Step]], Scene],
) -> None:
    asks = Step(run_command("poll --as ${key}", yieldMs=120_000), expect=ASKED)
    learns = Step(
        ENDING[0].answer,
        expect=r"${run}#\d+ \w+ ago: 4 succeeded\. Next: [^\n]*aggregate ${run}",
    )
    begun = scene("--as ${key}", [asks, learns, ENDING[1]])

    begun.host.kill()
    begun.gate.touch()
    run = begun.agent.captured["run"]
    until(lambda: begun.swarm.ask("list", run)["state"] == "done")
    begun.host.start()
    begun.host.say(ASKED)
    begun.agent.wait_for_end(limit_s=TALK_LIMIT_S)

    calls = [one.answer for one in begun.agent.exchanges]
    polls = [one for one in calls if isinstance(one, ToolCall) and " poll " in str(one)]
    assert len(polls) == 1
    assert begun.swarm.ask("poll", "--as", SESSION)["completions"] == []
    assert re.fullmatch(r"[a-z]+-[a-z]+", run)
