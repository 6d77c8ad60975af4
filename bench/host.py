"""What one job costs the main agent of a real host, by three ways of giving it out.

The job: files by 4 and by 20 workers, and a report. The host's agent is scripted to do
each way as well as it can be done; the workers are real Kimi Code on a scripted model.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from bench.host_talks import (
    ASKS,
    DONE,
    LAST_WORDS,
    STARTED,
    Job,
    Talk,
    by_processes,
    by_sub_agents,
    by_swarm,
)
from bench.host_talks import child as sub_agent
from bench.room import room
from bench.tables import Cell, Table
from e2e import real_programs
from e2e.openclaw_host import OpenClaw, published
from e2e.swarm_cli import copy_tree, git
from fakes.host_model import HostModel, Role
from fakes.model_calls import Answer, calls_of
from fakes.model_script import text_of
from fakes.scripted_model import Limits, ScriptedModel

COUNTS = (4, 20)
LOOKS = ("README.md", "docs/README.md") * 9
"""What a worker reads before it writes: real ones look around."""
LIKE_REAL = Limits(looks=LOOKS, says=LAST_WORDS)
LIMIT_S = 900.0
COLUMNS = (
    *("way", "workers", "model requests", "results, characters", "calls, characters"),
    *(
        "own words",
        "all it reads and writes",
        "of it SKILL.md",
        "requests, kB",
        "wall s",
    ),
)


class Way(NamedTuple):
    """A way to do the job: what the agent says, and how sub-agents play."""

    name: str
    talk: Callable[[Job], Talk]
    roles: Callable[[Job], list[Role]] = lambda _: []


class Talker(HostModel):
    """A host's model whose main agent speaks from a talk."""

    def __init__(self, talk: Talk, roles: list[Role]) -> None:
        super().__init__([], roles)
        self._talk = talk
        self.is_done = False
        next(talk)

    def is_over(self) -> bool:
        """Whether the report was given, or something was not as it should be."""
        return self.is_done or bool(self.problems)

    def next_answer(self, heard: str) -> Answer:
        """Say what the talk says next."""
        try:
            answer = self._talk.send(heard)
        except ValueError as error:
            self.problems.append(str(error))
            return ""
        self.is_done = isinstance(answer, str) and DONE in answer
        return answer


def run() -> list[Table]:
    """Do the job by each way in turn; skipped with a note where there is no npm."""
    try:
        commands = real_programs.install(real_programs.cache_folder())
        versions = real_programs.versions(commands)
    except (real_programs.NotInstalledError, OSError) as error:
        return [Table("one job from a host", COLUMNS, [], [f"skipped: {error}"])]
    kimi = str(commands / "kimi")
    ways = (
        Way("kimi-swarm, the person said go", lambda job: by_swarm(job, shows=False)),
        Way("kimi-swarm, preview shown first", lambda job: by_swarm(job, shows=True)),
        Way(
            "the same, SKILL.md read before",
            lambda job: by_swarm(job, shows=True, knows=True),
        ),
        Way(
            "the same, with a plan to write",
            lambda job: by_swarm(job, shows=True, plans=True),
        ),
        Way("exec and process", lambda job: by_processes(job, kimi)),
        Way("sub-agents, collected", by_sub_agents, lambda job: [sub_agent(job)]),
    )
    with tempfile.TemporaryDirectory(prefix="kimi-swarm-host-") as folder:
        tree = copy_tree(Path(folder, "tree"))
        given = published(tree, Path(folder, "kimi-swarm"))
        rows = [
            _played(way, count, commands, given) for count in COUNTS for way in ways
        ]
    notes = (
        f"{versions}, scripted models; one round; each worker looks {len(LOOKS)} times",
        "the agent's own words count too; requests are its own, not the workers'",
        "aims at 20 workers: 20,000 characters, 8 requests, 400 kB",
    )
    return [Table("one job from a host", COLUMNS, rows, notes)]


def _played(way: Way, count: int, commands: Path, given: Path) -> list[Cell]:
    """Do the job by one way; one that goes wrong takes no other with it."""
    try:
        return _play(way, count, commands, given)
    except AssertionError as error:
        why = " ".join(str(error).split())[:200]
        return [f"{way.name}: {why}", str(count), *[None] * (len(COLUMNS) - 2)]


def _play(way: Way, count: int, commands: Path, given: Path) -> list[Cell]:
    with room(commands) as user, ScriptedModel(LIKE_REAL) as model:
        user.env |= {
            "KIMI_MODEL_NAME": "scripted",
            "KIMI_MODEL_API_KEY": "scripted-key",
            "KIMI_MODEL_BASE_URL": model.url,
        }
        profile = Path(user.env["HOME"], ".profile")  # the host's shell logs in
        profile.write_text(f'export PATH="{commands}:$PATH"\n')
        job = _job(user.room / "work" / "repository", count)
        talker = Talker(way.talk(job), way.roles(job))
        began = perf_counter()
        with talker as agent:
            host = OpenClaw(user.room / "host", commands, agent.url, user.env)
            host.call("skills", "install", given)
            host.start()
            try:
                began = perf_counter()
                _talk(host, agent, job)
                took_s = perf_counter() - began
            finally:
                host.end()
        return [way.name, str(count), *_counted(agent), f"{took_s:.0f}"]


def _talk(host: OpenClaw, agent: Talker, job: Job) -> None:
    """Ask for the job, agree when asked, and wait for the report."""
    host.say(
        f"In {job.repository} have each of tasks/*.md done by a worker of its own, all "
        "at once, and report."
    )
    words = [one.answer for one in agent.exchanges]

    def said(text: str) -> bool:
        words[:] = [one.answer for one in agent.exchanges]
        return any(isinstance(one, str) and text in one for one in words)

    agent.wait_until(lambda: any(map(said, (ASKS, STARTED, DONE))), limit_s=LIMIT_S)
    if said(ASKS):
        host.say("Go ahead.")
    agent.wait_until(lambda: said(DONE), limit_s=LIMIT_S)


def _job(repository: Path, count: int) -> Job:
    parts = tuple(f"part-{number + 1:02}" for number in range(count))
    job = Job(repository, parts)
    for folder in ("tasks", "docs"):
        (repository / folder).mkdir(parents=True)
    (repository / "README.md").write_text("# A dashboard\n\nMade of parts.\n")
    (repository / "docs" / "README.md").write_text("One file for each part.\n")
    for part in parts:
        text = f"Write `src/{part}.ts`: it exports an empty object.\n"
        (repository / "tasks" / f"{part}.md").write_text(text)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "Begin")
    return job


def _counted(agent: HostModel) -> list[Cell]:
    """Count what the main agent read, wrote and was sent, over its whole talk."""
    results = [text for one in agent.exchanges for text in _results(one.body)]
    answers = [one.answer for one in agent.exchanges]
    called = sum(
        len(json.dumps(call.arguments, ensure_ascii=False))
        for answer in answers
        for call in calls_of(answer)
    )
    spoken = sum(len(answer) for answer in answers if isinstance(answer, str))
    read = sum(map(len, results))
    skill = sum(
        len(text) for text in results if text.startswith("---\nname: kimi-swarm")
    )
    sent = sum(_bytes(one.body) for one in agent.exchanges)
    return [
        *(str(len(answers)), f"{read:,}", f"{called:,}", f"{spoken:,}"),
        *(f"{read + called + spoken:,}", f"{skill:,}", f"{sent / 1000:,.0f}"),
    ]


def _results(body: dict[str, Any]) -> list[str]:
    """Return the results of tools that are new in a request."""
    new: list[str] = []
    for message in reversed(body["messages"]):
        if message["role"] == "assistant":
            break
        if message["role"] == "tool":
            new.append(text_of(message.get("content")))
    return new


def _bytes(body: dict[str, Any]) -> int:
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
