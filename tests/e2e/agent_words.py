"""What the scripted main agent of a host says when it keeps to SKILL.md."""

from __future__ import annotations

from typing import Any

from fakes.host_model import Step
from fakes.model_calls import ToolCall

SWARM = 'python3 "${folder}/skill/swarm.py"'
LOCATION = r"<name>kimi-swarm</name>.*?<location>([^<]+)/SKILL\.md</location>"
WORKSPACE = r"Working directory: ([^\n]+)"
WOKEN = r"Exec completed \([\w-]+, code 0\) :: "
PATIENT = {"yieldMs": 120_000}
BACKGROUND = {"background": True, "timeoutSeconds": 0}


def run_command(words: str, **more: Any) -> ToolCall:
    """Call the skill's command line through the host's `exec`."""
    return ToolCall("exec", {"command": f"{SWARM} {words}", **more})


def reads_the_skill(expect: str = "") -> Step:
    """Read SKILL.md where the host says that it is."""
    return Step(
        ToolCall("read", {"path": "${folder}/SKILL.md"}),
        expect=expect,
        captures={"folder": LOCATION, "workspace": WORKSPACE},
    )
