"""The command line: shapes of JSON, help, completion, and how calls end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

from fakes.swarm import LIMIT_S, Swarm, worker

NONE = {"workspace": "none"}
SESSION_KEYS = {
    "id",
    "run",
    "task",
    "attempt",
    "profile",
    "state",
    "outcome",
    "reason",
    "exit_code",
    "started_at",
    "ended_at",
    "usage",
    "workspace",
    "branch",
}
VERBS = "run spawn list poll log wait kill clear aggregate diff plan doctor completion"


def test_every_verb_answers_with_one_versioned_object(swarm: Swarm):
    swarm.repository()
    plan = swarm.plan({"a": {"argv": ["sh", "-c", "echo hi; echo 1 > a.txt"]}})

    spawned = swarm.ask("spawn", plan)
    run = spawned["run"]
    waited = swarm.ask("wait", run)
    session = f"{run}/a"

    assert (spawned["state"], spawned["tasks"]) == ("running", ["a"])
    for answer in (waited, swarm.ask("list", run)):
        assert {"run", "state", "sessions"} <= answer.keys()
        assert answer["state"] == "done"
        (one,) = answer["sessions"]
        assert one.keys() >= SESSION_KEYS
        assert (one["id"], one["task"], one["attempt"]) == (session, "a", 1)
        assert one["started_at"].endswith("Z")
    assert [one["run"] for one in swarm.ask("list")["runs"]] == [run]
    logged = swarm.ask("log", session)
    assert SESSION_KEYS | {"lines", "first", "total"} <= logged.keys()
    assert swarm.ask("poll", session)["lines"] == ["hi"]
    assert swarm.ask("poll", run)["events"][0].keys() >= {"seq", "session", "event"}
    assert swarm.ask("kill", run)["sessions"] == []
    assert {"run", "tasks", "counts"} <= swarm.ask("aggregate", run).keys()
    assert {"session", "diff", "redacted"} <= swarm.ask("diff", session).keys()
    assert {"plan", "notes"} <= swarm.ask("plan", plan).keys()
    assert swarm.ask("plan", "--list")["strategies"]
    assert swarm.ask("clear", run, "--force")["run"] == run


def test_doctor_names_what_is_missing_and_a_command_that_works(swarm: Swarm):
    swarm.env["PATH"] = os.pathsep.join(["/usr/bin", "/bin"])

    told = swarm.call("doctor", code=None)
    health = swarm.ask("doctor", code=None)

    profiles = {one["name"]: one for one in health["profiles"]}
    assert profiles["demo"]["is_ready"]
    assert not profiles["kimi"]["is_ready"]
    assert "npm install -g @moonshot-ai/kimi-code" in profiles["kimi"]["remedy"]
    works, _, command = told.lines[-1].partition(": kimi-swarm ")
    assert works == "Works now"
    assert command == health["next_command"]
    assert not swarm.home.exists()
    # It works from any folder: here there are no examples.
    assert swarm.call(*shlex.split(command)).out
    overview = swarm.call("--help").out
    assert f"Try: kimi-swarm {command}" in overview


def test_completions_name_the_verbs_and_are_read_by_the_shell(
    swarm: Swarm, tmp_path: Path
):
    for shell in ("bash", "zsh"):
        script = swarm.call("completion", shell).out
        assert all(verb in script for verb in VERBS.split())
        if shell == "bash":
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_help_names_the_verbs_and_each_verb_explains_itself(swarm: Swarm):
    overview = swarm.call("--help").out

    assert all(f"  {verb}" in overview for verb in VERBS.split())
    assert swarm.call().out == overview
    assert "--timeout-s" in swarm.call("wait", "--help").out
    assert swarm.call("--version").out.startswith("kimi-swarm ")


def test_file_names_that_are_no_text_do_not_break_an_answer(swarm: Swarm):
    swarm.repository()
    script = r"printf x > $(printf 'bel\351')"
    run = swarm.spawn({"a": {"argv": ["sh", "-c", script]}})
    swarm.ended(run)

    (one,) = swarm.ask("list", run)["sessions"]

    assert one["outcome"] == "succeeded"
    assert "bel" in swarm.call("aggregate", run).out
    assert "bel" in swarm.ask("aggregate", run)["tasks"][0]["files"][0]["path"]
    assert "bel" in swarm.ask("diff", f"{run}/a")["diff"]


def test_an_interrupted_run_goes_on_and_says_so(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": worker("silent.sh"), **NONE}})
    with swarm.start("run", plan, start_new_session=True) as caller:
        assert caller.stderr is not None
        lines = iter(caller.stderr.readline, "")
        seen = next(line for line in lines if " running" in line)
        run = seen.split("/")[0]
        os.killpg(caller.pid, signal.SIGINT)
        _, err = caller.communicate(timeout=LIMIT_S)

    assert caller.returncode == 130
    assert f"{run} goes on. Next: kimi-swarm wait {run}" in err
    assert swarm.sessions(run)["a"]["state"] == "running"
