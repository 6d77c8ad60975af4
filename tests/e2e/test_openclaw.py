"""The first conversation with the real host, its agent scripted, its workers real."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.agent_words import BACKGROUND, PATIENT, WOKEN, reads_the_skill, run_command
from e2e.marketplace import Marketplace, words_for
from e2e.openclaw_host import OpenClaw, published
from e2e.swarm_cli import Swarm, git
from fakes.host_model import HostModel, Step
from fakes.model_calls import ToolCall
from fakes.model_script import content_for, text_of
from fakes.scripted_model import Limits, ScriptedModel
from fakes.skill_folder import digests
from fakes.skill_registry import SkillRegistry

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PROMPTS = {
    f"src/{one}.ts": f"Write `src/{one}.ts` with the {one} widget."
    for one in ("clock", "news", "notes", "weather")
}
PLAN = {
    "defaults": {"profile": "kimi"},
    "tasks": {Path(path).stem: {"prompt": PROMPTS[path]} for path in PROMPTS},
}
SHOWN = 4
"""So many steps until the person has seen the preview."""
TALK_LIMIT_S = 300.0
SKILL_LIMIT_CHARS = 8_000
RESULTS_LIMIT_CHARS = 3_500
"""How much the agent reads of all its calls together, SKILL.md apart."""


def conversation(repository: Path) -> list[Step]:
    """What an agent does that keeps to SKILL.md, and what it hears in between."""
    there = {"workdir": str(repository)}
    plan = "${workspace}/widgets.yaml"
    return [
        reads_the_skill(),
        Step(
            ToolCall("write", {"path": plan, "content": json.dumps(PLAN)}),
            expect="name: kimi-swarm\n.*# kimi-swarm\n",
        ),
        Step(
            run_command(f"plan {plan}", **there, **PATIENT),
            expect="widgets.yaml",
        ),
        Step(
            "This would start:\n${preview}\nShall I?",
            expect="May edit .kimi.: .*- weather: Write .*Expected time and cost: ",
            captures={
                "preview": r"(widgets: 4 tasks, .*?)\nNothing has started\. ",
                "start": r"Nothing has started\. Next: (python3 [^\n]* spawn [^\n]*)",
            },
        ),
        Step(
            ToolCall("exec", {"command": "${start}", **there, **PATIENT}),
            expect="Go ahead",
        ),
        Step(
            run_command("wait ${run}", **BACKGROUND),
            expect="Worker kimi, may edit: Prompts, .*Next: .*wait ${run}",
            captures={"run": r"([a-z]+-[a-z]+): 4 tasks queued on kimi"},
        ),
        Step(
            "Four Kimi Code workers build ${run}; I will say when they are done.",
            expect=r"Command still running \(session [a-z-]+, pid \d+\)",
        ),
        Step(
            run_command("${next}", **PATIENT),
            expect=WOKEN,
            captures={
                "line": WOKEN + r"([^\n]*)",
                "next": WOKEN + r"[^\n]*Next: (?:[^\n]*swarm\.py )?([^\n]*)",
            },
        ),
        Step(
            "All four widgets are done; they are merged on swarm/${run}/merged.",
            expect="4 succeeded.*Merged 4 branches on `swarm/${run}/merged`",
        ),
    ]


@pytest.fixture
def agent(repository: Path) -> Iterator[HostModel]:
    with HostModel(conversation(repository)) as served:
        yield served


@pytest.fixture
def host(
    swarm: Swarm, agent: HostModel, commands: Path, tmp_path: Path
) -> Iterator[OpenClaw]:
    """A host whose login shell puts a Node first that is too old for Kimi Code."""
    old = tmp_path / "old"
    old.mkdir()
    (old / "node").write_text("#!/bin/sh\necho v1.0.0\nexit 1\n")
    (old / "node").chmod(0o755)
    home = Path(swarm.env["HOME"])
    (home / ".profile").write_text(f'export PATH="{old}:$PATH"\n')
    user = OpenClaw(tmp_path / "host", commands, agent.url, swarm.env)
    try:
        yield user
    finally:
        user.end()


@pytest.fixture(params=["from a folder", "from a registry"])
def installed(
    host: OpenClaw,
    commands: Path,
    tree: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Path:
    """The skill in the host's workspace, brought there by either way."""
    given = published(tree, tmp_path / "download" / "kimi-swarm")
    if request.param == "from a folder":
        host.call("skills", "install", given)
    else:
        with SkillRegistry() as registry:
            user = Marketplace(tmp_path / "user", commands, registry.url, host.env)
            user.publish(words_for(given))
            user.install(into=host.workspace)
    return host.workspace / "skills" / "kimi-swarm"


def test_an_agent_spawns_real_workers_is_woken_by_the_host_and_brings_the_work_back(
    host: OpenClaw,
    agent: HostModel,
    swarm: Swarm,
    model: ScriptedModel,
    installed: Path,
    repository: Path,
    tmp_path: Path,
    record_property: Any,
) -> None:
    model.limits = Limits(meet=tuple(PROMPTS))
    listed = host.skill("kimi-swarm")
    assert (listed["eligible"], listed["modelVisible"]) == (True, True), listed
    assert set(map(len, listed["missing"].values())) == {0}
    before = digests(installed)

    host.start()
    host.say(f"Build four widgets in {repository}: clock, news, notes and weather.")
    agent.wait_for_steps(SHOWN, limit_s=TALK_LIMIT_S)
    assert swarm.ask("list")["runs"] == [], "something started before the person agreed"
    host.say("Go ahead.")
    agent.wait_for_end(limit_s=TALK_LIMIT_S)

    run = agent.captured["run"]
    assert {one["outcome"] for one in swarm.sessions(run).values()} == {"succeeded"}
    assert [one["met"] for one in model.requests if "met" in one].count(True) == 4
    check_the_work(repository, f"swarm/{run}/merged")
    check_the_wake(agent, Swarm(installed, tmp_path, swarm.env).call("wait", run).out)
    told = check_the_talk(agent.bodies[-1]["messages"])
    assert digests(installed) == before, "something was written into the skill"
    version = host.call("--version").strip()
    record_property(
        "real programs", f"{version}: {len(agent.bodies)} model requests, {told}"
    )


def check_the_work(repository: Path, merged: str) -> None:
    """The merged branch holds the files; the person's own checkout is untouched."""
    held = git(repository, "ls-tree", "-r", "--name-only", merged).split()
    assert set(held) == {"README.md", *PROMPTS}
    for path, prompt in PROMPTS.items():
        assert git(repository, "show", f"{merged}:{path}") == content_for(path, prompt)
    assert git(repository, "status", "--porcelain", "--branch") == "## main\n"
    assert git(repository, "rev-list", "--count", "main") == "1\n"


def check_the_wake(agent: HostModel, line: str) -> None:
    """The host woke its agent once, in a turn of its own, with our line whole."""
    run = agent.captured["run"]
    assert agent.captured["line"] == line.strip()
    pattern = rf"{run}: 4 succeeded; .*\. Next: .*aggregate {run} --merge\n"
    assert re.fullmatch(pattern, line), line
    woken = [one for one in agent.exchanges if re.search(WOKEN, one.heard)]
    assert len(woken) == 1
    assert "relay the command output to the user" in woken[0].heard
    before = agent.exchanges[agent.exchanges.index(woken[0]) - 1]
    assert isinstance(before.answer, str), "the agent's turn had not ended"


def check_the_talk(messages: list[dict[str, Any]]) -> str:
    """The agent polled nothing and read little; says how much it read and wrote."""
    calls = [
        call["function"] for one in messages for call in one.get("tool_calls") or ()
    ]
    assert [one["name"] for one in calls] == ["read", "write", *["exec"] * 4]
    commands = (json.loads(one["arguments"]).get("command", "") for one in calls)
    verbs = [
        found[1]
        for one in commands
        if (found := re.search(r"""\.py['"]? (\w+)""", one))
    ]
    assert verbs == ["plan", "spawn", "wait", "aggregate"]
    read = [len(text_of(one["content"])) for one in messages if one["role"] == "tool"]
    skill, *others = read
    assert len(read) == len(calls)
    assert skill <= SKILL_LIMIT_CHARS
    assert sum(others) <= RESULTS_LIMIT_CHARS
    wrote = sum(len(one["arguments"]) for one in calls)
    return (
        f"its agent read {skill} characters of SKILL.md and {sum(others)} of results, "
        f"and wrote {wrote} of calls"
    )
