"""A worker that demands a terminal and asks: shown as asking, and answered."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from fakes.swarm import WORKERS, Swarm, until

QUESTION = "May I write notes.txt? [yes/no]"
PROFILE = f"""\
summary: A made-up agent that works at a terminal only.
kind: cli
program: {sys.executable}
argv: [-I, {WORKERS / "asks_at_terminal.py"}, "{{prompt_file}}", notes.txt]
prompt_via: file
pty: true
asks: '\\[yes/no\\] *$'
grace_s: 0.5
sends_to: Nothing leaves the machine.
"""
TASK = {"a": {"prompt": "Keep notes", "profile": "formal", "role": "none"}}


@pytest.fixture
def formal(swarm: Swarm) -> Swarm:
    folder = swarm.folder / "home" / ".config" / "kimi-swarm" / "profiles"
    folder.mkdir(parents=True)
    (folder / "formal.yaml").write_text(PROFILE, "utf-8")
    swarm.repository()
    return swarm


def until_asking(swarm: Swarm, run: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        one = swarm.sessions(run)["a"]
        return one if one["asking"] else None

    return until(look) or {}


def test_a_worker_that_asks_is_shown_as_asking_everywhere(formal: Swarm):
    run = formal.spawn(TASK)
    asking = until_asking(formal, run)
    session = asking["id"]

    assert (asking["state"], asking["asking"]) == ("running", QUESTION)
    (line,) = (one for one in formal.call("list", run).lines if session in one)
    assert f"(asking) > {QUESTION}" in line
    told = formal.call("poll", run).out
    assert f"{session} asked > {QUESTION}" in told
    events = formal.ask("poll", run, "--as", "another")["events"]
    assert "asked" in [one["event"] for one in events]
    assert formal.ask("poll", session)["asking"] == QUESTION
    shown = formal.call("poll", session, "--as", "another").out
    assert "I heard: Keep notes" in shown
    assert f"It asks: > {QUESTION}" in shown
    assert f"send {session} " in shown
    assert "\033" not in shown


def test_an_answer_is_typed_and_the_worker_goes_on(formal: Swarm):
    run = formal.spawn(TASK)
    session = until_asking(formal, run)["id"]

    sent = formal.ask("send", session, "yes, please")
    assert (sent["session"], sent["is_typed"]) == (session, True)
    formal.ended(run)

    (done,) = formal.ask("list", run)["sessions"]
    assert (done["outcome"], done["reason"]) == ("succeeded", "changes")
    assert done["asking"] is None
    kept = subprocess.run(
        ["git", "-C", formal.repository(), "show", f"{done['branch']}:notes.txt"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert kept.stdout == "Keep notes: yes, please\n"
    assert "answered" in formal.call("poll", run).out


def test_what_the_answer_made_of_it_decides(formal: Swarm):
    run = formal.spawn(TASK)
    formal.call("send", until_asking(formal, run)["id"], "no")
    done = formal.ended(run)["a"]
    assert (done["outcome"], done["reason"]) == ("failed", "exit_code")
    assert done["exit_code"] == 1


def test_a_worker_that_asks_can_be_killed(formal: Swarm):
    run = formal.spawn(TASK)
    session = until_asking(formal, run)["id"]
    formal.call("kill", session)
    done = formal.ended(run)["a"]
    assert (done["outcome"], done["asking"]) == ("cancelled", None)
    refused = formal.call("send", session, "yes", code=2)
    assert "cannot_resume" in refused.err


def test_without_a_terminal_the_same_worker_says_what_it_lacks(formal: Swarm):
    path = formal.folder / "home/.config/kimi-swarm/profiles/formal.yaml"
    path.write_text(PROFILE.replace("pty: true\n", "merge_stderr: true\n"), "utf-8")
    run = formal.spawn(TASK)
    done = formal.ended(run)["a"]
    assert (done["outcome"], done["exit_code"]) == ("failed", 2)
    assert "needs a terminal" in formal.call("log", done["id"]).out


def test_a_prompt_on_standard_input_does_not_go_with_a_terminal(formal: Swarm):
    path = formal.folder / "home/.config/kimi-swarm/profiles/formal.yaml"
    path.write_text(PROFILE.replace("via: file", "via: stdin"), "utf-8")
    refused = formal.call("spawn", formal.plan(TASK), code=2)
    assert "pty" in refused.err
    assert "prompt_via" in refused.err
    assert formal.ask("list")["runs"] == []
