"""Reading a huge log against reading a tiny one, by text and by JSON dialects."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.hot import interpreters
from bench.room import room, write_plan
from bench.sides import AIM, ROUNDS, Verb, ratios, time_both
from bench.tables import Cell, Table
from e2e.swarm_cli import Swarm
from fakes.swarm import WORKERS

HUGE_BYTES = 1 << 30
TINY_BYTES = 1 << 10
BLOCK_BYTES = 1 << 20
WORDS = "the quick brown fox wrote line"


class Log(NamedTuple):
    """A kind of log: whose it is, and what its lines are made of."""

    profile: str
    line: bytes


LOGS = {
    "text": Log("command", f"{WORDS} of text\n".encode()),
    "JSON": Log(
        "parrot", json.dumps({"event": "text", "text": f"{WORDS}."}).encode() + b"\n"
    ),
    "text, one endless line": Log("command", b"x" * 64),
}
VERBS = {
    "log": ["log"],
    "log --json": ["log", "--json"],
    "log --raw": ["log", "--raw"],
    "poll, nothing new": ["poll", "--as", "bench"],
}


def run() -> list[Table]:
    """Time verbs on two sessions, one of which wrote a gibibyte."""
    with room() as user:
        python = interpreters(user)["bare interpreter"]
        small, large = _sessions(user), _sessions(user)
        rows: list[list[Cell]] = []
        for name, log in LOGS.items():
            with (
                _written(user, large[name], log, HUGE_BYTES),
                _written(user, small[name], log, TINY_BYTES),
            ):
                for verb, words in VERBS.items():
                    spent = time_both(
                        user,
                        python,
                        Verb([*words, large[name]], user.state),
                        Verb([*words, small[name]], user.state),
                    )
                    rows.append([name, verb, *ratios(*spent)])
    columns = ("log", "verb", "ms", "1 KiB, ms", "ratio", "CPU ratio", "fastest")
    notes = (
        f"{ROUNDS} interleaved runs each, medians; aim: at most {AIM:g} times",
        "every byte is on the disk; the session that wrote them is over",
    )
    return [Table("a log of 1 GiB against one of 1 KiB", columns, rows, notes)]


def _sessions(user: Swarm) -> dict[str, str]:
    """Run a session for each kind of log; return their ids."""
    _write_profile(user)
    tasks = {
        f"t{number}": (
            {"profile": "command", "argv": ["true"], "workspace": "none"}
            if log.profile == "command"
            else {"profile": log.profile, "prompt": "Hello.", "workspace": "none"}
        )
        for number, log in enumerate(LOGS.values())
    }
    run_id = user.spawn(write_plan(user, "logs", {"tasks": tasks}))
    user.call("wait", run_id, code=None)
    return {name: f"{run_id}/t{number}" for number, name in enumerate(LOGS)}


def _write_profile(user: Swarm) -> None:
    words = ["-S", str(WORKERS / "parrot.py")]
    profile = {
        "summary": "Says what it hears.",
        "kind": "cli",
        "program": sys.executable,
        "argv": words,
        "prompt_via": "stdin",
        "dialect": "swarm",
        "expect": "answer",
        "sends_to": "Nothing leaves the machine.",
    }
    folder = Path(user.env["HOME"], ".config", "kimi-swarm", "profiles")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parrot.yaml").write_text(json.dumps(profile))


@contextmanager
def _written(user: Swarm, session: str, log: Log, size: int) -> Iterator[None]:
    """Let a session's log hold whole lines up to a size, for a while."""
    path = user.state / "runs" / session / "work" / "out.log"
    before = path.read_bytes()
    block = log.line * (BLOCK_BYTES // len(log.line))
    with path.open("wb") as file:
        while file.tell() + len(block) <= size:
            file.write(block)
        file.write(log.line * ((size - file.tell()) // len(log.line)))
    try:
        yield
    finally:
        path.write_bytes(before)
