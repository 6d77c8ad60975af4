"""Going on with a real worker's own conversation, by us or by a person."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import (
    PROFILES,
    commands_of,
    served,
    wait_until,
    write_plan,
)
from e2e.swarm_cli import Swarm, git
from fakes.scripted_model import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GATE = "go-on"
WAIT_FOR_GATE = f"for i in $(seq 1000); do [ -e {GATE} ] && break; sleep 0.05; done"
COUNTS = ("input_tokens", "cached_tokens", "output_tokens")


def all_sessions(workers: Swarm, run: str) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in workers.ask("list", run)["sessions"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_real_worker_goes_on_with_its_conversation(
    workers: Swarm, model: ScriptedModel, repository: Path, profile: str
) -> None:
    first_words = f"RUN {WAIT_FOR_GATE}\nWRITE first.txt one"
    tasks = {"only": {"prompt": first_words, "profile": profile}}
    run = workers.spawn(write_plan(repository, tasks))
    first, second, third = (f"{run}/only{number}" for number in ("", ".2", ".3"))
    wait_until(lambda: commands_of(workers, WAIT_FOR_GATE))

    sent = workers.ask("send", first, "WRITE second.txt two")
    assert (sent["session"], sent["waits_for"]) == (second, first)
    seen = all_sessions(workers, run)
    assert [one["state"] for one in seen.values()] == ["running", "queued"]
    (Path(seen[first]["workspace"]) / GATE).touch()
    workers.ended(run)
    sent = workers.ask("send", second, "WRITE third.txt three")
    assert (sent["session"], sent["waits_for"]) == (third, None)
    workers.ended(run)

    seen = all_sessions(workers, run)
    assert list(seen) == [first, second, third]
    assert {one["outcome"] for one in seen.values()} == {"succeeded"}, seen
    for field in ("conversation", "workspace", "branch"):
        assert len({one[field] for one in seen.values()}) == 1, field
    branch = seen[third]["branch"]
    for name, words in (("first", "one"), ("second", "two"), ("third", "three")):
        assert git(repository, "show", f"{branch}:{name}.txt") == f"{words}\n"

    heard = json.dumps(model.bodies[-1]["messages"])
    for words in ("first.txt", "second.txt", "third.txt"):
        assert heard.count(f"WRITE {words}") == 1
    spent = [one["usage"] for one in seen.values()]
    whole = {name: sum(usage[name] for usage in spent) for name in COUNTS}
    assert whole == served(model, seen[first]["conversation"])
    assert_a_person_can_join(workers, seen[third])


def assert_a_person_can_join(workers: Swarm, session: dict[str, Any]) -> None:
    """Hold the printed command to what the real program says that it takes."""
    line = workers.call("attach", session["id"], "--print").out.strip()
    before, _, command = line.partition(" && ")
    assert before == f"cd {shlex.quote(session['workspace'])}"
    words = shlex.split(command)
    assert words[-2:] == ["--session", session["conversation"]]
    helped = subprocess.run(
        [*words, "--help"],
        cwd=session["workspace"],
        env={**workers.env, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert helped.returncode == 0, helped
    assert "--session" in helped.stdout + helped.stderr
    assert os.access(words[0], os.X_OK)


def test_kimi_code_that_was_killed_goes_on_though_it_never_told_its_id(
    workers: Swarm, model: ScriptedModel, repository: Path
) -> None:
    prompt = f"WRITE first.txt one\nRUN {WAIT_FOR_GATE}"
    run = workers.spawn(
        write_plan(repository, {"only": {"prompt": prompt, "profile": "kimi"}})
    )
    first = f"{run}/only"
    # It is in the shell command when the model was asked for it and has answered.
    wait_until(lambda: any(asked_for_shell(one) for one in model.requests))
    workers.call("kill", first)
    assert "conversation" not in all_sessions(workers, run)[first]

    sent = workers.ask("send", first, "WRITE second.txt two")
    workers.ended(run)

    done = all_sessions(workers, run)[sent["session"]]
    assert (done["outcome"], done["reason"]) == ("succeeded", "changes")
    assert done["conversation"]
    heard = json.dumps(model.bodies[-1]["messages"])
    assert heard.count("WRITE first.txt one") == 1
    for name, words in (("first", "one"), ("second", "two")):
        assert git(repository, "show", f"{done['branch']}:{name}.txt") == f"{words}\n"


def asked_for_shell(request: dict[str, Any]) -> bool:
    return bool(request.get("step") and request["step"][0] == "RUN")
