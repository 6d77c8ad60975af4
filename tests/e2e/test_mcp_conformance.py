"""The protocol's own conformance suite on the real server, through a bridge.

The suite is made for servers of the protocol's libraries: it wants tools, resources and
prompts of fixed names. Whatever a real server can answer is run; the bridge makes a
call of ours of a call by a name that the suite has made up. What is left out, and why,
is a table below, and no scenario may be in neither.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import types

from e2e.swarm_cli import BASE_PYTHON, Swarm
from fakes.http_bridge import HttpBridge, Message, hear_nothing

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CALL_LIMIT_S = 120.0
Calls = Mapping[str, tuple[str, Mapping[str, Any]]]
RUN: dict[str, Calls] = {
    "server-initialize": {},
    "ping": {},
    "tools-list": {},
    "server-sse-multiple-streams": {},  # three requests at once, each answered
    "tools-call-simple-text": {"test_simple_text": ("list", {})},
    "tools-call-error": {"test_error_handling": ("log", {"session": "a/b"})},
}
WITH_PROGRESS = "tools-call-with-progress"
TASKS = 3
"""Of so many tasks, done one after the other, progress is told often enough for it."""

NOT_OFFERED = "The server offers tools and nothing else, and says so when it is greeted"
ONLY_TEXT = "Answers are text, or objects: no action has a picture, sound or resource"
ASKS_NOBODY = "No action asks the client's model or its user anything"
OWN_SCHEMA = "It wants a tool listed that has the suite's schema, word for word"
NO_PORT = "The server listens on no port: only the bridge would be tried"
LEFT_OUT = {
    "logging-set-level": NOT_OFFERED,
    "tools-call-with-logging": NOT_OFFERED,
    "completion-complete": NOT_OFFERED,
    "resources-list": NOT_OFFERED,
    "resources-read-text": NOT_OFFERED,
    "resources-read-binary": NOT_OFFERED,
    "resources-templates-read": NOT_OFFERED,
    "resources-subscribe": NOT_OFFERED,
    "resources-unsubscribe": NOT_OFFERED,
    "prompts-list": NOT_OFFERED,
    "prompts-get-simple": NOT_OFFERED,
    "prompts-get-with-args": NOT_OFFERED,
    "prompts-get-embedded-resource": NOT_OFFERED,
    "prompts-get-with-image": NOT_OFFERED,
    "tools-call-image": ONLY_TEXT,
    "tools-call-audio": ONLY_TEXT,
    "tools-call-embedded-resource": ONLY_TEXT,
    "tools-call-mixed-content": ONLY_TEXT,
    "tools-call-sampling": ASKS_NOBODY,
    "tools-call-elicitation": ASKS_NOBODY,
    "elicitation-sep1034-defaults": ASKS_NOBODY,
    "elicitation-sep1330-enums": ASKS_NOBODY,
    "json-schema-2020-12": OWN_SCHEMA,
    "server-sse-polling": NO_PORT,
    "dns-rebinding-protection": NO_PORT,
}


def conformance(swarm: Swarm, commands: Path, *words: str) -> str:
    """Run the suite's program to a good end; gives what it printed."""
    done = subprocess.run(
        [str(commands / "conformance"), *words],
        env=swarm.env,
        cwd=swarm.room,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=CALL_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


def check_scenario(
    swarm: Swarm,
    commands: Path,
    scenario: str,
    calls: Calls,
    hear: Callable[[Message], None] = hear_nothing,
) -> None:
    """Run a scenario: it has checks, and all pass without a warning."""
    swarm.call("mcp", "--prepare")
    argv = [str(BASE_PYTHON), str(swarm.tree / "skill" / "swarm.py"), "mcp"]
    with HttpBridge(argv, swarm.env, calls=calls, hear=hear) as bridge:
        asked = ("server", "--url", bridge.url, "--scenario", scenario)
        said = conformance(swarm, commands, *asked)
    assert re.search(r"Passed: ([1-9]\d*)/\1, 0 failed, 0 warnings", said), said


def test_every_scenario_of_the_suite_is_run_or_left_out_for_a_reason(
    swarm: Swarm, commands: Path
) -> None:
    listed = conformance(swarm, commands, "list", "--server")
    scenarios = set(re.findall(r"^ +- (\S+) ", listed, re.MULTILINE))
    assert scenarios == {*RUN, WITH_PROGRESS, *LEFT_OUT}


@pytest.mark.parametrize("scenario", RUN)
def test_the_protocols_conformance_suite_passes_through_a_bridge(
    swarm: Swarm, commands: Path, scenario: str
) -> None:
    check_scenario(swarm, commands, scenario, RUN[scenario])


def test_the_suite_hears_of_progress_while_it_waits_for_a_run(
    swarm: Swarm, commands: Path, tmp_path: Path
) -> None:
    gates = [tmp_path / f"gate-{number}" for number in range(TASKS)]
    tasks = {gate.name: {"argv": waits_for(gate)} for gate in gates}
    plan = tmp_path / "plan.yaml"
    plan.write_text(json.dumps({"defaults": {"workspace": "none"}, "tasks": tasks}))
    run = swarm.spawn(plan)

    def hear(message: Message) -> None:
        """Let another task end, each time that it is told how many have."""
        if isinstance(message, types.JSONRPCNotification) and "progress" in (
            message.params or {}
        ):
            next(gate for gate in gates if not gate.exists()).touch()

    calls = {"test_tool_with_progress": ("wait", {"run": run})}
    check_scenario(swarm, commands, WITH_PROGRESS, calls, hear)
    ended = swarm.sessions(run).values()
    assert {one["outcome"] for one in ended} == {"succeeded"}


def waits_for(gate: Path) -> list[str]:
    """Return a command that ends once its gate is open."""
    return ["sh", "-c", f"until [ -e {gate} ]; do sleep 0.02; done"]
