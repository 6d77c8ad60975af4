"""Real Kimi Code, driven by kimi-swarm, with the scripted model behind it."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.real_workers import without_gateway
from e2e.swarm_cli import Swarm, git
from fakes.scripted_model import Limits, ScriptedModel, content_for, instructions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ARGUMENT_LIMIT_BYTES = 128 * 1024
# What a worker's own environment may hold: what any program needs, what the profile
# names, what is set for it, and what Kimi Code's shell adds by itself.
ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|LANG|LC_\w+|TZ|XDG_RUNTIME_DIR"
    r"|\w+_PROXY|\w+_proxy|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE"
    r"|CURL_CA_BUNDLE|GIT_SSL_CAINFO"
    r"|KIMI_(?!SWARM_)\w+|KIMI_SWARM_(TASK|SESSION|FOLDER)|PORT(_\d+)?"
    r"|GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL)|GIT_CONFIG_\w+"
    r"|PWD|OLDPWD|SHLVL|_|NO_COLOR|GIT_TERMINAL_PROMPT"
)


def write_plan(folder: Path, tasks: dict[str, Any], **more: Any) -> Path:
    plan = {"defaults": {"profile": "kimi"}, "tasks": tasks, **more}
    path = folder / "plan.yaml"
    path.write_text(json.dumps(plan))  # every JSON text is a YAML text
    return path


def shown(folder: Path, branch: str, path: str) -> str:
    return git(folder, "show", f"{branch}:{path}")


def test_the_dashboard_is_built_in_parallel_worktrees_and_merged(
    swarm: Swarm, model: ScriptedModel, tmp_path: Path, tree: Path
) -> None:
    written = yaml.safe_load((tree / "examples" / "dashboard.yaml").read_text())
    asked = {
        name: instructions(task["prompt"]) for name, task in written["tasks"].items()
    }
    scaffold = next(
        name for name, task in written["tasks"].items() if not task.get("needs")
    )
    widgets = [
        name
        for name, task in written["tasks"].items()
        if task.get("needs") == [scaffold]
    ]
    assert len(widgets) >= 4
    model.limits = Limits(meet=tuple(asked[name][0].path for name in widgets))

    folder = tmp_path / "repository"
    folder.mkdir()
    plan = folder / "dashboard.yaml"
    plan.write_bytes((tree / "examples" / "dashboard.yaml").read_bytes())
    run = swarm.spawn(plan)
    sessions = swarm.ended(run)

    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    assert set(sessions) == set(written["tasks"])
    places = {one["workspace"] for one in sessions.values()}
    assert len(places) == len(sessions)
    held = [one for one in model.requests if one.get("met") is not None]
    assert len(held) == len(widgets)
    assert all(one["met"] for one in held), (
        "the widgets' workers were not there at once"
    )

    swarm.ask("aggregate", run, "--merge", cwd=folder)
    where = Path(swarm.ask("list", run)["repo"])
    wanted = {
        one.path: content_for(one.path, one.line)
        for name in asked
        for one in asked[name]
    }
    for path, content in wanted.items():
        assert shown(where, f"swarm/{run}/merged", path) == content
    parts = {part for lines in asked.values() for one in lines for part in one.parts}
    assert parts <= set(wanted)
    assert len(parts) >= len(widgets)


def test_a_stream_that_ends_early_without_work_is_reported_failed(
    swarm: Swarm, model: ScriptedModel, repository: Path
) -> None:
    plan = write_plan(
        repository,
        {
            "cut": {"prompt": "Cut short.\nFAULT dropeof\nWRITE cut.txt never"},
            "left": {"prompt": "WRITE left.txt left"},
            "right": {"prompt": "WRITE right.txt right"},
        },
    )
    run = swarm.spawn(plan)
    waited = swarm.call("wait", run, "--timeout-s", "120", code=1)
    assert len(waited.out.splitlines()) == 1
    assert len(waited.out.strip()) <= 170
    sessions = swarm.sessions(run)
    cut = sessions["cut"]
    assert (cut["outcome"], cut["reason"], cut["exit_code"]) == (
        "failed",
        "no_changes",
        0,
    )
    assert model.count_by_status()["dropeof"] == 1
    for name in ("left", "right"):
        assert sessions[name]["outcome"] == "succeeded"
        assert shown(repository, sessions[name]["branch"], f"{name}.txt") == f"{name}\n"
    report = swarm.call("aggregate", run, code=None, cwd=repository).out
    assert report.index("cut") < report.index("left"), "failures come first"


def test_a_wrong_key_is_an_authentication_failure_with_its_remedy_at_once(
    swarm: Swarm, model: ScriptedModel, repository: Path
) -> None:
    plan = write_plan(repository, {"only": {"prompt": "FAULT 401\nWRITE a.txt a"}})
    run = swarm.spawn(plan)
    only = swarm.ended(run)["only"]
    assert (only["outcome"], only["reason"]) == ("failed", "auth")
    assert only["attempt"] == 1
    assert seconds(only) < 15
    assert len(model.requests) == 1, "there were retries"
    assert "valid key" in only["remedy"]
    report = swarm.call("aggregate", run, code=None, cwd=repository).out
    assert only["remedy"] in report


def test_each_fault_of_a_provider_is_told_apart_and_passing_ones_are_survived(
    swarm: Swarm, model: ScriptedModel, repository: Path
) -> None:
    # Through the gateway one account without balance would end the others as well.
    without_gateway(swarm)
    wanted = {
        "402": ("failed", "quota", 0),
        "404": ("failed", "unknown_model", 0),
        "500": ("failed", "provider", 3),
        "429x2ra1": ("succeeded", "changes", 2),
        "drop": ("succeeded", "changes", 1),
    }
    tasks = {
        f"t{fault}": {"prompt": f"FAULT {fault}\nWRITE {fault}.txt done"}
        for fault in wanted
    }
    once = {"profile": "kimi", "retries": 0}
    sessions = swarm.ended(swarm.spawn(write_plan(repository, tasks, defaults=once)))
    seen = {
        name.removeprefix("t"): (one["outcome"], one["reason"], one["retries"])
        for name, one in sessions.items()
    }
    assert seen == wanted
    assert all(one["remedy"] for one in sessions.values() if one["outcome"] == "failed")
    assert model.count_by_status()["500"] == 4


def test_a_worker_that_nobody_set_up_says_so_and_what_to_do(
    swarm: Swarm, model: ScriptedModel, repository: Path
) -> None:
    for name in ("KIMI_MODEL_NAME", "KIMI_MODEL_API_KEY", "KIMI_MODEL_BASE_URL"):
        del swarm.env[name]
    plan = write_plan(repository, {"only": {"prompt": "WRITE a.txt a"}})
    only = swarm.ended(swarm.spawn(plan))["only"]
    assert (only["outcome"], only["reason"]) == ("failed", "not_configured")
    assert only["remedy"]
    assert model.requests == []


def test_a_missing_cli_is_named_with_its_install_line_and_nothing_starts(
    swarm: Swarm, commands: Path, repository: Path
) -> None:
    plan = write_plan(repository, {"only": {"prompt": "WRITE a.txt a"}})
    path = swarm.env["PATH"].split(os.pathsep)
    path.remove(str(commands))
    done = swarm.call("spawn", plan, code=2, cwd=repository, PATH=os.pathsep.join(path))
    assert "npm install -g @moonshot-ai/kimi-code" in done.out + done.err
    assert swarm.ask("list").get("runs", []) == []
    assert git(repository, "branch", "--list", "swarm/*") == ""


def test_a_real_worker_sees_no_variable_beyond_the_allowed_ones(
    swarm: Swarm, repository: Path
) -> None:
    plan = write_plan(repository, {"only": {"prompt": "RUN env -0 > env.txt"}})
    secrets = {
        "KIMI_SWARM_PLANTED_SECRET": "planted",
        "AWS_SECRET_ACCESS_KEY": "planted",
    }
    run = swarm.spawn(plan, **secrets)
    only = swarm.ended(run)["only"]
    assert only["outcome"] == "succeeded", only
    seen = shown(repository, only["branch"], "env.txt")
    names = {line.partition("=")[0] for line in seen.split("\0") if line}
    assert "PATH" in names
    assert {name for name in names if not ALLOWED.fullmatch(name)} == set()
    assert "planted" not in seen


def test_killing_a_real_worker_in_the_middle_of_a_command_leaves_no_process(
    swarm: Swarm, model: ScriptedModel, repository: Path
) -> None:
    plan = write_plan(repository, {"only": {"prompt": "RUN sleep 300\nSAY slept"}})
    run = swarm.spawn(plan)
    model.wait_for(lambda got: any(one.get("step") for one in got), limit_s=60)
    wait_until(lambda: commands_of(swarm, "sleep 300") != [])
    swarm.call("kill", run)
    only = swarm.ended(run)["only"]
    assert only["outcome"] == "cancelled"
    assert commands_of(swarm, "sleep 300") == []
    assert commands_of(swarm, "kimi-code") == []


def test_a_prompt_longer_than_an_argument_may_be_reaches_the_model_whole(
    swarm: Swarm, model: ScriptedModel, repository: Path
) -> None:
    lines = [f"Remark {number}: {'x' * 80}" for number in range(2000)]
    prompt = "\n".join(["WRITE long.txt read", *lines, "SAY the end was read"])
    assert len(prompt) > ARGUMENT_LIMIT_BYTES
    run = swarm.spawn(write_plan(repository, {"only": {"prompt": prompt}}))
    only = swarm.ended(run)["only"]
    assert only["outcome"] == "succeeded", only
    assert shown(repository, only["branch"], "long.txt") == "read\n"
    heard = json.dumps(model.bodies[-1])
    assert all(line in heard for line in lines)


def seconds(session: dict[str, Any]) -> float:
    began, ended = (
        datetime.fromisoformat(session[name]) for name in ("started_at", "ended_at")
    )
    return (ended - began).total_seconds()


def commands_of(swarm: Swarm, words: str) -> list[str]:
    return [one.command for one in swarm.processes() if words in one.command]


def wait_until(wanted: Any, *, limit_s: float = 30.0) -> None:
    limit = time.monotonic() + limit_s
    while not wanted():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)
