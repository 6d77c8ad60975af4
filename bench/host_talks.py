"""What a host's main agent says in three ways of giving one job to many workers.

Each talk is a generator: it is sent what is new to the agent, and yields what it says.
A text ends its turn; then it is sent a person's words, or those of the host that wakes.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from e2e.agent_words import BACKGROUND, LOCATION, PATIENT, WORKSPACE
from fakes.host_model import NOTHING_TO_SAY, Role, Step
from fakes.model_calls import Answer, ToolCall, ToolCalls

Talk = Generator[Answer, str, None]
ASKS = "Shall I start them?"
STARTED = "The workers are at it; I will say when they are done."
DONE = "Nothing failed."
REPORT = "All {count} parts are written: {branches}. " + DONE
LAST_WORDS = (
    "I wrote the file as it was asked, in the way the README describes.\n\n"
    "- It exports what the other parts expect.\n- Nothing else was touched."
)
AT_ONCE = 8
"""As many as the host's own sub-agents that work at once."""


class Job(NamedTuple):
    """A job in a repository: a task for each part, whose words are in a file there."""

    repository: Path
    parts: tuple[str, ...]

    def prompt(self, part: str) -> str:
        """Return the words for one worker."""
        return f"Write `src/{part}.ts` as `tasks/{part}.md` says."


def found(pattern: str, heard: str) -> str:
    """Return the first group of a pattern in what was heard; raises ValueError."""
    match = re.search(pattern, heard, re.DOTALL)
    if match is None:
        message = f"wanted {pattern!r}, heard: {heard[-1500:]}"
        raise ValueError(message)
    return match[1]


def report(job: Job, branches: str) -> str:
    return REPORT.format(count=len(job.parts), branches=branches)


def by_swarm(
    job: Job, *, shows: bool, knows: bool = False, plans: bool = False
) -> Talk:
    """Keep to SKILL.md; with `shows` the person sees the preview and agrees to it.

    An agent that `knows` has read SKILL.md in an earlier job of its talk. One that
    `plans` writes a plan; else each task is in a file already.
    """
    heard = yield ""
    folder, work = found(LOCATION, heard), found(WORKSPACE, heard)
    swarm = f"python3 {folder}/skill/swarm.py"
    there = {"workdir": str(job.repository)}
    if not knows:
        yield ToolCall("read", {"path": f"{folder}/SKILL.md"})
    what = f"--task-file tasks/*.md --profile kimi --concurrency {AT_ONCE}"
    if plans:
        what = f"{work}/parts.yaml"
        yield ToolCall("write", {"path": what, "content": _plan(job)})
    if shows:
        call = {"command": f"{swarm} plan {what}", **there, **PATIENT}
        heard = yield ToolCall("exec", call)
        yield found(r"(.*?)\nNothing has started\.", heard) + f"\n{ASKS}"
        call = {"command": f"{swarm} spawn {what} --wait", **there, **BACKGROUND}
        yield ToolCall("exec", call)
    else:
        call = {"command": f"{swarm} spawn {what}", **there, **PATIENT}
        heard = yield ToolCall("exec", call)
        run = found(r"([a-z]+-[a-z]+): \d+ tasks queued", heard)
        yield ToolCall("exec", {"command": f"{swarm} wait {run}", **BACKGROUND})
    heard = yield STARTED
    then = found(r"Exec completed .*?Next: (?:[^\n]*swarm\.py )?([^\n]*)", heard)
    heard = yield ToolCall("exec", {"command": f"{swarm} {then}", **PATIENT})
    yield report(job, found(r"(Merged \d+ branches on `[^`]+`)", heard))


def _plan(job: Job) -> str:
    """Write a plan as SKILL.md shows one."""
    tasks = (f'  {part}: {{prompt: "{job.prompt(part)}"}}\n' for part in job.parts)
    head = f"defaults: {{profile: kimi}}\nlimits: {{concurrency: {AT_ONCE}}}\n"
    return f"{head}tasks:\n{''.join(tasks)}"


def by_processes(job: Job, kimi: str) -> Talk:
    """Start each worker by `exec` in a worktree of its own; look by `process`."""
    yield ""
    trees = " && ".join(
        f"git worktree add -q -b {part} ../{part}" for part in job.parts
    )
    yield ToolCall("exec", {"command": trees, "workdir": str(job.repository)})
    yield ToolCalls(
        tuple(
            ToolCall(
                "exec",
                {
                    "command": f"{kimi} --output-format stream-json -p "
                    f"'{job.prompt(part)}'",
                    "workdir": str(job.repository.parent / part),
                    **BACKGROUND,
                },
            )
            for part in job.parts
        )
    )
    heard = yield STARTED
    while True:
        heard = yield ToolCall("process", {"action": "list"})
        sessions = re.findall(r"^(\S+) +(running|\w+) ", heard, re.MULTILINE)
        if not any(state == "running" for _, state in sessions):
            break
        yield NOTHING_TO_SAY
    names = [name for name, state in sessions if state in {"completed", "failed"}]
    yield ToolCalls(
        tuple(
            ToolCall("process", {"action": "log", "sessionId": name, "limit": 50})
            for name in names
        )
    )
    yield report(job, "each on the branch of its name, not committed")


def by_sub_agents(job: Job) -> Talk:
    """Spawn the host's own sub-agents to collect from, and wait for all of them."""
    yield ""
    yield ToolCalls(
        tuple(
            ToolCall("tool_describe", {"id": one})
            for one in ("sessions_spawn", "agents_wait")
        )
    )
    spawns = (
        {"task": job.prompt(part), "label": part, "collect": True} for part in job.parts
    )
    heard = yield ToolCalls(
        tuple(
            ToolCall("tool_call", {"id": "sessions_spawn", "args": args})
            for args in spawns
        )
    )
    waiting = re.findall(r'"runId": "([^"]+)"', heard)
    if len(waiting) < len(job.parts):
        message = f"not all were spawned: {heard[-1500:]}"
        raise ValueError(message)
    while waiting:
        args = {"ids": waiting, "timeoutSeconds": 600}
        heard = yield ToolCall("tool_call", {"id": "agents_wait", "args": args})
        waiting = re.findall(r'"([^"]+)"', found(r'"pending": \[(.*?)\]', heard))
    yield report(job, "all in one folder")


def child(job: Job) -> Role:
    """Give a sub-agent its role: it reads its task, writes its file, and says so."""
    text = {"path": f"{job.repository}/src/${{part}}.ts", "content": "export {};\n"}
    return Role(
        r"Write `src/[\w-]+\.ts` as `tasks/(?P<part>[\w-]+)\.md` says",
        [
            Step(ToolCall("read", {"path": f"{job.repository}/tasks/${{part}}.md"})),
            Step(ToolCall("write", text)),
            Step(LAST_WORDS),
        ],
    )
