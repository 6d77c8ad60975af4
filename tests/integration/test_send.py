"""send and attach: going on with a worker's own conversation, in its workspace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import Swarm, until, worker

PARROT = worker("parrot.py")


@pytest.fixture
def parrot(swarm: Swarm) -> Swarm:
    teach(swarm)
    swarm.repository()
    return swarm


def teach(swarm: Swarm, **fields: Any) -> None:
    interpreter, *words = PARROT
    swarm.own_profile(
        "parrot",
        **{
            "summary": "Says what it hears.",
            "kind": "cli",
            "program": interpreter,
            "argv": words,
            "resume": [*words, "--resume", "{conversation}"],
            "attach": [*words, "--join", "{conversation}"],
            "prompt_via": "stdin",
            "dialect": "swarm",
            "env": {"pass": ["PARROT_GATE"]},
            "sends_to": "Nothing leaves the machine.",
            **fields,
        },
    )


HELLO = {"a": {"prompt": "hello", "profile": "parrot", "role": "none"}}


def heard(swarm: Swarm, run: str, branch: str) -> list[str]:
    shown = subprocess.run(
        ["git", "-C", str(swarm.repository()), "show", f"{branch}:parrot.txt"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run in branch
    return shown.stdout.splitlines()


def test_a_message_goes_on_in_the_same_conversation_workspace_and_branch(
    parrot: Swarm,
):
    run = parrot.spawn(HELLO)
    parrot.ended(run)
    first = parrot.sessions(run)["a"]

    sent = parrot.ask("send", f"{run}/a", "once more")
    assert (sent["session"], sent["waits_for"]) == (f"{run}/a.2", None)
    parrot.ended(run)

    second = parrot.sessions(run)["a"]
    assert second["id"] == f"{run}/a.2"
    assert (second["outcome"], second["summary"]) == ("succeeded", "Again: once more")
    assert second["follows"] == first["id"]
    assert second["workspace"] == first["workspace"]
    assert second["branch"] == first["branch"]
    conversation = first["conversation"]
    assert heard(parrot, run, first["branch"]) == [
        f"{conversation}: hello",
        f"{conversation}: once more",
    ]


def test_a_message_to_a_live_worker_waits_for_its_end(parrot: Swarm):
    gate = parrot.folder / "gate"
    parrot.env["PARROT_GATE"] = str(gate)
    run = parrot.spawn(HELLO)
    parrot.until_state(f"{run}/a", "running")

    sent = parrot.ask("send", f"{run}/a", "after that")
    assert sent["waits_for"] == f"{run}/a"
    states = {one["id"]: one["state"] for one in parrot.ask("list", run)["sessions"]}
    assert states == {f"{run}/a": "running", f"{run}/a.2": "queued"}

    gate.touch()
    parrot.ended(run)
    assert parrot.sessions(run)["a"]["summary"] == "Again: after that"


def test_a_follower_is_cleared_with_the_place_it_shares(parrot: Swarm):
    run = parrot.spawn(HELLO)
    parrot.ended(run)
    parrot.ask("send", f"{run}/a", "more")
    parrot.ended(run)

    assert "unmerged_work" in parrot.call("clear", run, code=2).err
    parrot.call("aggregate", run, "--merge")
    parrot.call("clear", run)

    assert parrot.ask("list")["runs"] == []
    assert not Path(parrot.home, "workspaces", run).exists()


def test_what_cannot_be_gone_on_with_is_refused_and_changes_nothing(parrot: Swarm):
    teach(parrot, resume=[])
    run = parrot.spawn(HELLO)
    parrot.ended(run)
    before = parrot.ask("list", run)

    assert "cannot_resume" in parrot.call("send", f"{run}/a", "x", code=2).err
    assert "usage" in parrot.call("send", f"{run}/a", code=2).err
    assert "usage" in parrot.call("send", f"{run}/a", "  ", code=2).err
    assert "unknown_session" in parrot.call("send", f"{run}/b", "x", code=2).err
    assert parrot.ask("list", run) == before


def test_only_the_last_session_of_a_task_is_spoken_to(parrot: Swarm):
    run = parrot.spawn(HELLO)
    parrot.ended(run)
    parrot.ask("send", f"{run}/a", "more")
    parrot.ended(run)

    refused = parrot.call("send", f"{run}/a", "x", code=2)
    assert f"Send to {run}/a.2." in refused.err


def test_attach_prints_the_command_that_joins_the_conversation(parrot: Swarm):
    run = parrot.spawn(HELLO)
    parrot.ended(run)
    session = parrot.sessions(run)["a"]

    told = parrot.ask("attach", f"{run}/a")

    assert told["workspace"] == session["workspace"]
    assert told["argv"] == [
        sys.executable,
        *PARROT[1:],
        "--join",
        session["conversation"],
    ]
    line = parrot.call("attach", f"{run}/a").out
    assert line.startswith(f"cd {session['workspace']} && ")


def test_a_warm_up_runs_once_and_alone_however_many_start_at_once(swarm: Swarm):
    teach(swarm, warm_up={"argv": [*PARROT[1:], "--warm-up", str(swarm.folder)]})
    tasks = {f"t{n}": {**HELLO["a"], "workspace": "fresh"} for n in range(6)}

    first, second = swarm.spawn(tasks), swarm.spawn(tasks)
    for run in (first, second):
        swarm.ended(run)
        outcomes = {one["outcome"] for one in swarm.sessions(run).values()}
        assert outcomes == {"succeeded"}

    assert (swarm.folder / "ledger").read_text() == "warm\n"


def forgetful(swarm: Swarm) -> None:
    """Make the parrot a program that tells the id of its conversation last."""
    memory = swarm.folder / "memory"
    memory.mkdir()
    interpreter, *words = worker("tells_id_last.py", memory)
    teach(
        swarm,
        program=interpreter,
        argv=words,
        resume=[*words, "--id", "{conversation}"],
        resume_last=[*words, "--last"],
        attach=[*words, "--join", "{conversation}"],
        grace_s=0.5,
    )


def cut_off(swarm: Swarm, prompt: str, **fields: Any) -> str:
    """Run one task and kill it when it has heard its prompt; return its session."""
    task = {"prompt": prompt, "profile": "parrot", "role": "none", **fields}
    run = swarm.spawn({"a": task})
    memory = swarm.folder / "memory"
    until(lambda: [one for one in memory.iterdir() if one.read_text()])
    if "mutely" not in prompt:
        until(lambda: "I was told" in swarm.call("log", f"{run}/a").out)
    swarm.call("kill", f"{run}/a")
    assert "conversation" not in swarm.ended(run)["a"]
    return f"{run}/a"


def test_who_was_cut_off_before_it_told_its_id_goes_on_with_the_folders_last(
    parrot: Swarm,
):
    forgetful(parrot)
    session = cut_off(parrot, "wait")
    sent = parrot.ask("send", session, "go on")
    run = session.partition("/")[0]
    done = parrot.ended(run)["a"]
    assert done["id"] == sent["session"] == f"{session}.2"
    assert (done["outcome"], done["summary"]) == (
        "succeeded",
        "I was told: wait | go on",
    )
    # From here on the id is known.
    assert done["conversation"]


def test_another_try_of_who_never_told_its_id_goes_on_with_the_folders_last(
    parrot: Swarm,
):
    forgetful(parrot)
    task = {"prompt": "wait", "profile": "parrot", "role": "none"}
    defaults = {"retry_delay_s": 0, "retries": 1, "silence_s": 1}
    run = parrot.spawn({"a": task}, defaults=defaults)

    done = parrot.ended(run)["a"]
    assert done["id"] == f"{run}/a.2"
    assert done["outcome"] == "succeeded"
    assert done["summary"].startswith("I was told: wait | Your last turn was cut off")


def test_a_person_s_retry_of_who_never_told_its_id_goes_on_too(parrot: Swarm):
    forgetful(parrot)
    task = {"prompt": "wait", "profile": "parrot", "role": "none"}
    run = parrot.spawn({"a": task}, defaults={"retries": 0, "silence_s": 1})
    assert parrot.ended(run)["a"]["reason"] == "stalled"

    parrot.call("retry", run)

    done = parrot.ended(run)["a"]
    assert done["outcome"] == "succeeded"
    assert done["summary"].startswith("I was told: wait | Your last turn was cut off")


@pytest.mark.parametrize(
    ("prompt", "fields"),
    [("wait mutely", {}), ("wait", {"workspace": "shared", "expect": "answer"})],
    ids=["it said nothing", "others may work there"],
)
def test_no_last_conversation_is_sought_that_may_be_none_or_somebody_elses(
    parrot: Swarm, prompt: str, fields: dict[str, Any]
):
    forgetful(parrot)
    session = cut_off(parrot, prompt, **fields)
    refused = parrot.call("send", session, "go on", code=2)
    assert "told no conversation id" in refused.err


def test_whoever_sends_a_message_its_answer_is_waited_for_by_the_run_s_owner(
    parrot: Swarm,
):
    run = str(parrot.ask("spawn", parrot.plan(HELLO), "--as", "ada")["run"])
    parrot.ended(run)
    told = parrot.call("send", f"{run}/a", "again").lines
    assert told[-1] == f"Next: kimi-swarm wait {run} --as ada"
