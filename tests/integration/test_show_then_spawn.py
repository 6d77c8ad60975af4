"""plan shows what spawn starts: the same words, and the very call that starts it."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest

from fakes.swarm import Swarm, worker

NONE = {"workspace": "none"}
LOOSELY = "per session only, may overshoot by what running sessions spend"
BOUNDS = "at most 2 at once, at most 9,000 tokens, at most $1.50, all ended after 1h00m"
ONE_LINE = ["--task", 'Create `a.txt` with it\'s "own" word', "--profile", "demo"]
STRATEGY = ["research", "--set", "question=Which one?", "--profile", "demo"]
RIVER = ["--strategy", "panel", "--set", "question=What now?", "--profile", "demo"]


WATCHED = [*ONE_LINE, "--as", "ada", "--wait"]


@pytest.mark.parametrize("words", [ONE_LINE, STRATEGY, RIVER], ids=" ".join)
def test_a_preview_ends_with_the_call_that_starts_exactly_what_it_shows(
    swarm: Swarm, words: list[str]
):
    repo = swarm.repository()
    shown = swarm.call("plan", *words, cwd=repo)
    called, command = shown.lines[-1].split("Next: kimi-swarm ", 1)

    assert called == "Nothing has started. "
    assert shlex.split(command) == ["spawn", *words]
    assert swarm.call("list").out == "No runs yet.\n"

    started = swarm.call(*shlex.split(command), cwd=repo)
    tasks = [line[2:].partition(":")[0] for line in shown.lines if line[:2] == "- "]
    names = [name.partition(" (")[0] for name in tasks]
    assert f"Tasks: {', '.join(names)}" in started.lines


def test_a_preview_takes_whatever_the_call_that_starts_takes(swarm: Swarm):
    repo = swarm.repository()
    shown = swarm.call("plan", *WATCHED, cwd=repo)
    _, command = shown.lines[-1].split("Next: kimi-swarm ", 1)
    assert shlex.split(command) == ["spawn", *WATCHED]
    assert swarm.call("list").out == "No runs yet.\n"

    swarm.call(*shlex.split(command), cwd=repo)
    (run,) = swarm.ask("list", "--as", "ada")["runs"]
    assert run["state"] == "done"


def test_a_preview_refuses_what_the_call_that_starts_would_refuse(swarm: Swarm):
    swarm.repository()
    for words in (["--notify", "no word"], ["--as", "ada", "--into", "calm-river"]):
        asked = [*ONE_LINE, *words]
        refused = [swarm.ask(verb, *asked, code=2) for verb in ("plan", "spawn")]
        assert refused[0] == refused[1]


def test_each_task_file_is_a_task_that_is_named_for_it(swarm: Swarm):
    repo = swarm.repository()
    texts = {"One Page.md": "one", "two.txt": "two", "more/two.md": "three"}
    (repo / "more").mkdir()
    for name, text in texts.items():
        (repo / name).write_text(f"Create `{text}.txt` with a word\n")
    rest = ["--task", "Create `four.txt` with a word", "--profile", "demo"]
    words = ["--task-file", *texts, *rest]

    shown = swarm.ask("plan", *words, cwd=repo)["plan"]["tasks"]
    assert list(shown) == ["task-1", "one-page", "two", "two-2"]
    assert shown["two-2"]["prompt"] == "Create `three.txt` with a word\n"

    run = swarm.ask("spawn", *words, cwd=repo)["run"]
    ended = swarm.ended(run)
    assert [one["outcome"] for one in ended.values()] == ["succeeded"] * 4


def test_a_preview_says_what_an_agent_has_to_tell_before_it_starts(swarm: Swarm):
    swarm.teach("helper", worker("edits.py"), sends_to="Prompts go to a friend.")
    plan = swarm.plan(
        {
            "a": {"prompt": "Write `a`.", "timeout_s": 60},
            "b": {"prompt": "Write `b`.", "needs": ["a"]},
            "c": {"prompt": "Write `c`.", "profile": "demo", **NONE},
        },
        defaults={"profile": "helper"},
        limits={"wall_s": 3600, "concurrency": 2, "usd": 1.5, "tokens": 9000},
        repo="new",
    )
    shown = swarm.call("plan", plan).lines
    assert shown[:11] == [
        f"plan-1: 3 tasks, {BOUNDS}",
        "Repository: a new one, in the state folder",
        "Worker demo, may edit: Nothing leaves the machine.",
        f"Budget (demo): {LOOSELY}",
        "Worker helper, may edit: Prompts go to a friend.",
        f"Budget (helper): {LOOSELY}",
        "Provider's limits (helper): held per session only.",
        "Tasks, each at most 30m00s:",
        "- a (helper; ≤1m00s): Write `a`.",
        "- b (helper; after a): Write `b`.",
        "- c (demo; workspace none): Write `c`.",
    ]
    assert any(line.startswith("Expected time and cost: unknown") for line in shown)
    assert shown[-1] == f"Nothing has started. Next: kimi-swarm spawn {plan}"


@pytest.mark.parametrize("may", ["edit", "full"])
def test_a_preview_says_of_every_worker_what_it_may_do(swarm: Swarm, may: str):
    swarm.teach("helper", worker("edits.py"), sends_to="Prompts go to a friend.")
    names = ["command", "demo", "helper"]
    tasks: dict[str, Any] = {
        name: {"profile": name, "prompt": "Write `a`.", **NONE} for name in names[1:]
    }
    tasks["command"] = {"argv": ["true"], **NONE}
    shown = swarm.call("plan", swarm.plan(tasks), "--permission", may).lines
    workers = [line for line in shown if line.startswith("Worker ")]
    told = [line.partition(": ")[0] for line in workers]
    assert told == [f"Worker {name}, may {may}" for name in names]


def test_a_preview_tells_tasks_apart_and_shows_where_a_line_is_cut(swarm: Swarm):
    words = ["--strategy", "research", "--set", "question=Which one?"]
    lines = swarm.call("plan", *words, "--profile", "demo").lines
    assert "- community: community" in lines
    assert any(line.endswith("One report of what the angles found") for line in lines)
    plan = swarm.plan({"a": {"prompt": "Write `a`.\nThen more.", **NONE}})
    shown = swarm.call("plan", plan, "--profile", "demo").lines
    assert any(line.endswith(": Write `a`. …") for line in shown)


def test_a_preview_of_twenty_tasks_is_short_enough_to_be_relayed(swarm: Swarm):
    tasks = {f"part-{n:02}": {"prompt": f"Write part {n}. " * 40} for n in range(20)}
    plan = swarm.plan(tasks, defaults={"profile": "demo", **NONE})
    shown = swarm.call("plan", plan)
    assert len(shown.out) <= 3_000
    assert sum(line.startswith("- part-") for line in shown.lines) == 20


def test_words_too_long_to_be_said_again_are_not(swarm: Swarm):
    words = ["--task", "Say it. " * 60, "--profile", "demo", "--workspace", "none"]
    last = swarm.call("plan", *words).lines[-1]
    assert last == "Nothing has started. To start it: spawn, with the same words."


PIPED = ["map", "--set", "items=-", "--set", "prompt=Say {{ item }}"]


@pytest.mark.parametrize(
    "words", [["--task", "Create `q`\nand more"], PIPED], ids=["two lines", "piped"]
)
def test_words_that_cannot_be_said_again_on_one_line_are_not(
    swarm: Swarm, words: list[str]
):
    swarm.repository()
    done = subprocess.run(
        [*swarm.command, "plan", *words, "--profile", "demo"],
        input="one\ntwo\n",
        env=swarm.env,
        cwd=swarm.repository(),
        capture_output=True,
        text=True,
        check=True,
    )
    last = done.stdout.splitlines()[-1]
    assert last == "Nothing has started. To start it: spawn, with the same words."


def test_spawn_says_what_workers_may_do_and_what_leaves_the_machine(swarm: Swarm):
    words = ["--task", "Create `a.txt`", "--profile", "demo", "--workspace", "fresh"]
    told = swarm.call("spawn", *words, "--permission", "full").lines
    assert "Worker demo, may full: Nothing leaves the machine." in told


def test_spawn_that_waits_says_one_line_when_it_has_ended(swarm: Swarm):
    bad = {"argv": ["false"], **NONE, "needs": ["good"]}
    plan = swarm.plan({"good": {"argv": ["true"], **NONE}, "bad": bad})
    done = swarm.call("spawn", plan, "--wait", code=1)
    (line,) = done.lines
    run = line.partition(":")[0]
    how = "1 succeeded, 1 failed (bad: exit_code)"
    assert line.startswith(f"{run}: {how}. Next: ")
    assert line.endswith(f" aggregate {run}")


def test_a_wait_ends_with_the_merge_where_there_is_work_to_merge(swarm: Swarm):
    repo = swarm.repository()
    plan = swarm.plan({"a": {"argv": ["sh", "-c", "echo 1 > a"]}})
    line = swarm.call("spawn", plan, "--wait", cwd=repo).lines[-1]
    run = line.partition(":")[0]
    how = "1 succeeded"
    assert line == f"{run}: {how}. Next: kimi-swarm aggregate {run} --merge"
    told = swarm.call("aggregate", run, "--merge").out
    assert f"Merged 1 branch on `swarm/{run}/merged`" in told


def test_a_name_that_is_no_strategy_is_refused_by_spawn_as_by_plan(swarm: Swarm):
    refusals = [swarm.call(verb, "nothing", code=2).err for verb in ("plan", "spawn")]
    assert refusals[0] == refusals[1]
    assert 'There is no strategy "nothing".' in refusals[0]
