"""Other ways into the skill on the real host: slash words, a sub-agent, no gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.agent_words import PATIENT, reads_the_skill, run_command
from e2e.openclaw_host import OpenClaw, published
from e2e.swarm_cli import Swarm
from fakes.host_model import HostModel, Role, Step
from fakes.model_calls import ToolCall
from fakes.skill_folder import digests

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TALK_LIMIT_S = 300.0
SPAWN = 'spawn --task-file "${workspace}/a.md" --profile demo --workspace fresh'
RUN = r"([a-z]+-[a-z]+): 1 task queued on demo"
ENDED = "${run}: 1 succeeded[^\n]* Next: .*aggregate ${run}"

# A shell would take the quotes of a prompt for its own: it goes through a file.
WRITE = ToolCall(
    "write", {"path": "${workspace}/a.md", "content": "Create `a.txt` with a word."}
)
ERRAND = "Create a file through kimi-swarm."
BY_SLASH = [
    reads_the_skill(expect="(?s)kimi-swarm.*Count the words"),
    Step("I would give each file to a worker. Shall I?", expect="# kimi-swarm\n"),
    Step(
        ToolCall("tool_call", {"id": "sessions_spawn", "args": {"task": ERRAND}}),
        expect="(?s)kimi-swarm.*Let a helper do it",
    ),
    Step("A helper does it.", expect="accepted"),
    Step("The helper says that it is done.", expect="The file is there"),
]
HELPER = Role(
    ERRAND,
    [
        Step(WRITE),
        Step(run_command(SPAWN, **PATIENT)),
        Step(
            run_command("wait ${run} --timeout-s 100", **PATIENT),
            captures={"run": RUN},
        ),
        Step(
            run_command("poll ${run} --as helper --timeout-s 60"),
            expect=ENDED,
        ),
        Step("The file is there.", expect=r"${run}/a succeeded.*${run} ended"),
    ],
)
ALONE = [
    reads_the_skill(),
    Step(WRITE, expect="# kimi-swarm\n"),
    Step(run_command(SPAWN, **PATIENT)),
    Step(
        run_command("wait ${run} --timeout-s 100", **PATIENT),
        expect="Worker demo, may edit: Nothing leaves the machine",
        captures={"run": RUN},
    ),
    Step(run_command("aggregate ${run}"), expect=ENDED),
    Step("Done.", expect="1 succeeded.*`swarm/${run}/a`|1 succeeded.*a.txt"),
]


@pytest.fixture
def given(tree: Path, tmp_path: Path) -> Path:
    """What a user downloads, in a folder whose name no shell would like."""
    return published(tree, tmp_path / "été 2026" / "kimi-swarm")


@pytest.fixture
def home_elsewhere(tmp_path: Path) -> Path:
    """A user's room whose name no shell would like either."""
    return tmp_path / "bücher und mehr"


def hosted(swarm: Swarm, folder: Path, commands: Path, agent: HostModel) -> OpenClaw:
    return OpenClaw(folder, commands, agent.url, swarm.env)


def test_a_slash_word_leads_to_the_skill_and_a_sub_agent_drives_it_without_a_wake(
    swarm: Swarm, commands: Path, given: Path, tmp_path: Path
):
    with HostModel(BY_SLASH, [HELPER]) as agent:
        host = hosted(swarm, tmp_path / "host", commands, agent)
        host.call("skills", "install", given)
        try:
            host.start()
            host.say("/kimi_swarm Count the words of each file")
            agent.wait_for_steps(2, limit_s=TALK_LIMIT_S)
            host.say("$kimi-swarm Let a helper do it")
            agent.wait_for_end(limit_s=TALK_LIMIT_S)
        finally:
            host.end()
    run = agent.captured["run"]
    assert {one["outcome"] for one in swarm.sessions(run).values()} == {"succeeded"}
    assert len(agent.asides) == len(HELPER.steps)


def test_a_host_without_a_gateway_runs_the_skill_from_a_folder_it_may_not_write(
    swarm: Swarm, commands: Path, given: Path, home_elsewhere: Path
):
    with HostModel(ALONE) as agent:
        host = hosted(swarm, home_elsewhere, commands, agent)
        host.call("skills", "install", given)
        installed = host.workspace / "skills" / "kimi-swarm"
        before = digests(installed)
        for folder in [installed, *filter(Path.is_dir, installed.rglob("*"))]:
            folder.chmod(0o555)
        try:
            host.turn_alone("Let a worker create a file. Go ahead without a preview.")
        finally:
            for folder in [installed, *filter(Path.is_dir, installed.rglob("*"))]:
                folder.chmod(0o755)
    agent.wait_for_end(limit_s=1)
    assert digests(installed) == before
    run = agent.captured["run"]
    assert {one["outcome"] for one in swarm.sessions(run).values()} == {"succeeded"}
