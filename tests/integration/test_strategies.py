"""Every shipped strategy runs on the demo worker, as the document shows it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import ROOT, Swarm, until
from kimi_swarm.bundle import bundle_root
from kimi_swarm.strategies import strategies_at

DOCUMENT = (ROOT / "docs" / "strategies.md").read_text("utf-8")
COMMANDS = {
    re.findall(r"--strategy (\S+)", line)[0]: shlex.split(line)[2:]
    for line in re.findall(r"^kimi-swarm run --strategy .*", DOCUMENT, re.MULTILINE)
    if "NAME" not in line
}
WRITTEN = {  # of the others, ab and review-implement are in test_rounds
    "component-split": "site/index.html",
    "layer-split": "INTEGRATION.md",
    "panel": "panel/decision.md",
    "research": "research/report.md",
}


@pytest.fixture
def quick(swarm: Swarm) -> Swarm:
    """A user whose demo workers do not pause to be watched."""
    fields = json.loads(json.dumps(DEMO))
    fields["env"]["set"]["KIMI_SWARM_DEMO_PACE_S"] = "0"
    swarm.own_profile("demo", **fields)
    return swarm


DEMO = {
    "summary": "The demo worker, without its pauses.",
    "kind": "demo",
    "program": "{python}",
    "argv": ["-P", "-m", "kimi_swarm.workers.demo"],
    "prompt_via": "stdin",
    "prompt_limit_bytes": 10_000_000,
    "dialect": "swarm",
    "merge_stderr": False,
    "env": {"set": {"PYTHONPATH": "{code}", "PYTHONDONTWRITEBYTECODE": "1"}},
    "sends_to": "Nothing leaves the machine.",
}


def test_the_document_shows_a_command_for_every_strategy():
    # What is only for a run that is there has no command that begins one.
    shipped = set(strategies_at(bundle_root()).found) - {"synthesis"}
    assert sorted(COMMANDS) == sorted(shipped)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_strategy_runs_to_its_end_and_its_work_is_merged(quick: Swarm, name: str):
    done = quick.call("run", *COMMANDS[name], "--profile", "demo", cwd=ROOT)

    assert f"({name}): " in done.out
    assert re.search(r": \d+ succeeded in", done.out), done.out
    repo, branch = re.findall(r"Next: git -C (\S+) log --stat (\S+)", done.out)[0]
    shown = subprocess.run(
        ["git", "-C", repo, "show", f"{branch}:{WRITTEN[name]}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if name == "panel":
        assert "not financial advice" in shown
        for analyst in ("Sentiment", "Technical", "Risk"):
            assert f"# {analyst}" in shown
    if name == "layer-split":
        assert shown.index("# CONTRACT") < shown.index("# NOTES")


def test_a_map_answers_for_every_item_in_its_order(quick: Swarm):
    words = ["run", *COMMANDS["map"], "--profile", "demo", "--json"]
    report = json.loads(quick.call(*words, cwd=ROOT).out)

    assert [task["outcome"] for task in report["tasks"]] == ["succeeded"] * 5
    assert [task["result"]["mood"] for task in report["tasks"]] == ["content"] * 5
    labels = [task["label"][:9] for task in report["tasks"]]
    assert labels == [f'{{"id": "{number}' for number in range(1, 6)]
    told = quick.call("aggregate", report["run"]).out
    assert 'Task: {"id": "4", "product": "lamp", "text": "Does what it says."}' in told


def add(
    user: Swarm, run: str | None, path: Path, *, profile: str = "demo"
) -> dict[str, Any]:
    into = [] if run is None else ["--into", run]
    words = ["--profile", profile, "--set", f"items=@{path}"]
    prompt = ["--set", "prompt=Say {{ item }}"]
    return user.ask("spawn", "--strategy", "map", *words, *prompt, *into)


def test_the_same_items_again_run_only_what_is_new(quick: Swarm, tmp_path: Path):
    few = tmp_path / "few.txt"
    few.write_text("a\nb\nb\n")
    spawned = add(quick, None, few)
    run = str(spawned["run"])
    first = quick.ended(run)
    few.write_text("c\nb\na\nb\nd\n")

    more = add(quick, run, few)

    assert more["left"] == 3
    assert "3 tasks were in" in str(more["notes"])
    assert len(more["tasks"]) == 2
    ended = quick.ended(run)
    assert list(ended)[:3] == list(first)
    assert len(ended) == 5
    assert all(one["attempt"] == 1 for one in ended.values())
    words = [
        "--strategy",
        "map",
        "--set",
        f"items=@{few}",
        "--set",
        "prompt={{ item }}",
    ]
    again = quick.call("spawn", *words, "--profile", "demo", "--into", run)
    assert again.out.startswith(f"{run}: nothing new.\nNote: 5 tasks were in {run}")
    assert len(quick.sessions(run)) == 5


def at_work(user: Swarm, run: str) -> list[str]:
    sessions = user.sessions(run).values()
    return [one["id"] for one in sessions if one["state"] == "running"]


def test_a_map_gives_each_result_once_whoever_is_killed_in_between(
    quick: Swarm, tmp_path: Path
):
    path = tmp_path / "many.jsonl"
    items = [{"n": number} for number in range(24)]
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    pace = "import time; time.sleep(0.3); print('done')"
    quick.own_profile(
        "slow",
        summary="Takes its time.",
        kind="cli",
        program=sys.executable,
        argv=["-c", pace],
        prompt_via="stdin",
        dialect="text",
        sends_to="Nothing.",
    )
    run = str(add(quick, None, path, profile="slow")["run"])
    names = list(quick.sessions(run))
    until(lambda: any(one["outcome"] for one in quick.sessions(run).values()))
    quick.kill_supervisor()
    busy = until(lambda: at_work(quick, run))
    with suppress(ProcessLookupError):  # it may have ended this very moment
        quick.kill_shim(busy[-1])
    items += [{"n": number} for number in range(24, 27)]
    path.write_text("".join(f"{json.dumps(item)}\n" for item in reversed(items)))

    assert add(quick, run, path, profile="slow")["left"] == 24
    quick.ended(run)
    quick.call("retry", run)

    ended = quick.ended(run)
    assert {one["outcome"] for one in ended.values()} == {"succeeded"}
    assert list(ended)[:24] == names
    labels = [one["label"] for one in quick.ask("aggregate", run)["tasks"]]
    assert labels == [json.dumps(item) for item in [*items[:24], *items[:23:-1]]]


def test_what_failed_is_told_when_the_same_is_added_again(quick: Swarm):
    tasks = {"a": {"argv": ["false"], "workspace": "none", "retries": 0}}
    run = quick.spawn(tasks)
    quick.ended(run)
    plan = quick.plan({**tasks, "b": {"argv": ["true"], "workspace": "none"}})

    refused = quick.call("spawn", plan, "--into", run, code=2).err
    assert "the run has a task of that name already" in refused
    told = quick.call("spawn", plan, "--into", run, "--only-new").out
    assert f"1 task was in {run} already" in told
    assert f"`retry {run}` does again the 1 that did not succeed" in told
    assert list(quick.ended(run)) == ["a", "b"]
    assert "`into`" in quick.call("spawn", plan, "--only-new", code=2).err


def test_items_can_be_piped_in(quick: Swarm):
    words = [sys.executable, "-m", "kimi_swarm", "plan", "map", "--profile", "demo"]
    done = subprocess.run(
        [*words, "--set", "items=-", "--set", "prompt=Say {{ item.a }}", "--yaml"],
        input='{"a": "x: - y"}\n{"a": 2}\n',
        env=quick.env,
        capture_output=True,
        text=True,
        check=True,
        cwd=quick.folder,
    )
    assert "Say 2" in done.stdout
    assert "Say x: - y" in done.stdout


def test_the_strategy_that_the_document_shows_is_one(quick: Swarm):
    (text,) = re.findall(r"^```jinja\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    folder = quick.folder / "home" / ".config" / "kimi-swarm" / "strategies"
    folder.mkdir(parents=True)
    (folder / "translate.yaml.j2").write_text(text, "utf-8")

    assert "into which languages" in quick.call("plan", "translate", "--help").out
    words = ["--set", "file=README.md", "--set", "languages=French, Schweizer Deutsch"]
    done = quick.call(
        *("run", "--strategy", "translate", *words, "--profile", "demo"),
        cwd=quick.repository(),
    )
    assert "3 succeeded" in done.out
    assert "translated/schweizer-deutsch.md" in done.out
    assert "Merged 3 branches" in done.out


def test_a_preview_expects_what_earlier_sessions_took_and_changes_nothing(
    quick: Swarm,
):
    words = ["plan", "research", "--set", "question=Why?", "--profile", "demo"]
    before = quick.call(*words).out
    assert "unknown (no earlier sessions of demo to judge by)" in before
    assert not quick.home.exists()
    task = {"prompt": "Create `a.txt` with a word", "profile": "demo"}
    quick.ended(quick.spawn({"a": task, "b": task}, repo="new"))

    told = quick.call(*words).out
    assert "Expected, if nothing is tried again: about " in told
    assert "cost $0.00" in told
    assert "(estimated from 2 earlier sessions here)" in told
    seen = quick.ask(*words)["expected"]
    assert seen["usd"] == 0
    assert seen["seconds"] > 0
    assert seen["longest"] == 2
    assert seen["advice"] == []
