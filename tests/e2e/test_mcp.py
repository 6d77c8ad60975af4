"""The tools by MCP: with the real host, and the protocol's own inspector."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.openclaw_host import OpenClaw, published
from e2e.swarm_cli import BASE_PYTHON, Swarm, git
from fakes.host_model import HostModel, Step
from fakes.model_calls import Answer, ToolCall
from fakes.model_script import content_for, text_of
from fakes.scripted_model import Limits, ScriptedModel
from fakes.skill_folder import digests

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PROMPTS = {
    f"src/{one}.ts": f"Write `src/{one}.ts` with the {one} widget."
    for one in ("clock", "news", "notes", "weather")
}
PLAN = {
    "name": "widgets",
    "defaults": {"profile": "kimi"},
    "tasks": {Path(path).stem: {"prompt": PROMPTS[path]} for path in PROMPTS},
}
TALK_LIMIT_S = 300.0
CALL_LIMIT_S = 120.0
RESULTS_LIMIT_CHARS = 20_000
"""How much the agent reads of all calls together, the host's wrapping included."""


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall("tool_call", {"id": tool(name), "args": args})


def tool(name: str) -> str:
    """Return the id under which the host lists one of our tools."""
    return f"mcp:kimi-swarm:kimi-swarm__{name}"


def conversation(repository: Path) -> list[Step]:
    """What an agent does that has no skill to read, and searches for tools."""
    query = "run many coding agents in parallel in the background"
    plan = {"plan": PLAN, "cwd": str(repository)}
    return [
        Step(ToolCall("tool_search", {"query": query, "limit": 3})),
        Step(
            ToolCall("tool_describe", {"id": tool("spawn")}),
            expect=f'"id": "{tool("spawn")}"',
        ),
        Step(call("plan", **plan), expect="cwd"),
        Step(call("spawn", **plan), expect="widgets: 4 tasks"),
        Step(
            call("poll", id="${run}", timeout_s=50),
            captures={"run": r"([a-z]+-[a-z]+): 4 tasks queued on kimi"},
        ),
        Step(call("aggregate", run="${run}", merge=True)),
        Step(
            "All four widgets are done; they are merged on swarm/${run}/merged.",
            expect="4 succeeded.*Merged 4 branches on `swarm/${run}/merged`",
        ),
    ]


class PollingModel(HostModel):
    """An agent that polls again until it hears that all have ended."""

    polled_again = 0

    def next_answer(self, heard: str) -> Answer:
        """Say the next thing, or poll once more."""
        last = self.exchanges[-1].answer if self.exchanges else None
        is_poll = isinstance(last, ToolCall) and last.arguments.get("id") == tool(
            "poll"
        )
        if last is not None and is_poll and "4 succeeded" not in heard:
            self.polled_again += 1
            return last
        step = self.steps[len(self.exchanges) - self.polled_again]
        return self._take(step, heard, self.captured)

    def is_over(self) -> bool:
        """Whether the script has been played, or failed."""
        played = len(self.exchanges) - self.polled_again
        return bool(self.problems) or played == len(self.steps)

    def wait_for_end(self, *, limit_s: float) -> None:
        """Wait until every step is used up."""
        self.wait_until(self.is_over, limit_s=limit_s)


@pytest.fixture
def agent(repository: Path) -> Iterator[HostModel]:
    with PollingModel(conversation(repository)) as served:
        yield served


@pytest.fixture
def host(
    swarm: Swarm, agent: HostModel, commands: Path, tmp_path: Path
) -> Iterator[OpenClaw]:
    # The host gives its servers little more than a PATH: the rest is named for each.
    env = {name: swarm.env[name] for name in swarm.env if not is_ours(name)}
    user = OpenClaw(tmp_path / "host", commands, agent.url, env)
    try:
        yield user
    finally:
        user.end()


def is_ours(name: str) -> bool:
    return name.startswith(("KIMI_SWARM_", "KIMI_MODEL_"))


def test_an_agent_without_the_skill_does_the_same_job_by_tools_alone(
    host: OpenClaw,
    agent: HostModel,
    swarm: Swarm,
    model: ScriptedModel,
    tree: Path,
    repository: Path,
    tmp_path: Path,
    record_property: Any,
) -> None:
    model.limits = Limits(meet=tuple(PROMPTS))
    given = published(tree, tmp_path / "download" / "kimi-swarm")
    before = digests(given)
    script = str(given / "skill" / "swarm.py")
    swarm_env = {name: swarm.env[name] for name in swarm.env if is_ours(name)}
    served = {"command": str(BASE_PYTHON), "args": [script, "mcp"], "env": swarm_env}
    Swarm(given, tmp_path, swarm.env).call("mcp", "--prepare")
    host.call("mcp", "set", "kimi-swarm", json.dumps(served))
    assert json.loads(host.call("mcp", "probe", "kimi-swarm", "--json"))

    host.start()
    host.say(f"Build four widgets in {repository}: clock, news, notes and weather.")
    agent.wait_for_end(limit_s=TALK_LIMIT_S)

    run = agent.captured["run"]
    assert {one["outcome"] for one in swarm.sessions(run).values()} == {"succeeded"}
    assert [one["met"] for one in model.requests if "met" in one].count(True) == 4
    check_the_work(repository, f"swarm/{run}/merged")
    told = check_the_talk(agent.bodies[-1]["messages"])
    assert digests(given) == before, "something was written into the skill"
    record_property(
        "real programs", f"by MCP: {len(agent.bodies)} model requests, {told}"
    )


def check_the_work(repository: Path, merged: str) -> None:
    """The merged branch holds the files; the person's own checkout is untouched."""
    held = git(repository, "ls-tree", "-r", "--name-only", merged).split()
    assert set(held) == {"README.md", *PROMPTS}
    for path, prompt in PROMPTS.items():
        assert git(repository, "show", f"{merged}:{path}") == content_for(path, prompt)
    assert git(repository, "status", "--porcelain", "--branch") == "## main\n"


def check_the_talk(messages: list[dict[str, Any]]) -> str:
    """The agent read little of all its calls; says how much it read and wrote."""
    calls = [
        one["function"] for each in messages for one in each.get("tool_calls") or ()
    ]
    read = [len(text_of(one["content"])) for one in messages if one["role"] == "tool"]
    assert len(read) == len(calls)
    assert sum(read) <= RESULTS_LIMIT_CHARS
    wrote = sum(len(one["arguments"]) for one in calls)
    return f"its agent read {sum(read)} characters {read} and wrote {wrote}"


def inspect(
    swarm: Swarm, commands: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """Ask our server something with the protocol's inspector."""
    given = [f"{name}={swarm.env[name]}" for name in swarm.env if is_ours(name)]
    script = str(swarm.tree / "skill" / "swarm.py")
    return subprocess.run(
        [
            *(str(commands / "mcp-inspector"), "--cli"),
            *(word for pair in given for word in ("-e", pair)),
            *(str(BASE_PYTHON), script, "mcp", *words),
        ],
        env=swarm.env,
        cwd=swarm.room,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=CALL_LIMIT_S,
        check=False,
    )


def test_the_protocols_inspector_finds_sound_tools_and_can_call_them(
    swarm: Swarm, commands: Path
) -> None:
    swarm.call("mcp", "--prepare")
    listed = inspect(swarm, commands, "--method", "tools/list", "--strict")
    called = inspect(swarm, commands, "--method", "tools/call", "--tool-name", "list")
    log = ("--method", "tools/call", "--tool-name", "log", "--tool-arg", "session=a/b")
    refused = inspect(swarm, commands, *log)

    assert listed.returncode == 0, listed
    tools = {one["name"] for one in json.loads(listed.stdout)["tools"]}
    assert {"plan", "spawn", "poll", "wait", "aggregate", "kill"} <= tools
    assert called.returncode == 0, called
    assert json.loads(called.stdout)["content"][0]["text"] == "No runs yet."
    assert json.loads(refused.stdout)["isError"] is True
    assert "[unknown_session]" in refused.stdout
