"""What `--json` prints has the published shape, and a call answers the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from fakes.strict import misfits
from fakes.swarm import Swarm, worker
from kimi_swarm.actions.state import Line
from kimi_swarm.calls.asked import WaitCall
from kimi_swarm.calls.catalogue import call_of
from kimi_swarm.calls.perform import perform
from kimi_swarm.calls.schema import answer_schema, error_schema
from kimi_swarm.core.usage_sums import By
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.views import UnknownRunError

pytestmark = pytest.mark.anyio

NONE = {"workspace": "none"}
WORDS = {
    "argv": ["sh", "-c", "echo a word"],
    **NONE,
    "profile": "command",
}


@pytest.fixture
def here(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> Swarm:
    """This process stands where the user does."""
    for name in os.environ:
        if name.startswith(("KIMI_SWARM", "XDG")):
            monkeypatch.delenv(name)
    for name, value in swarm.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(swarm.folder)
    return swarm


def asked(swarm: Swarm, verb: str, *words: object, code: int | None = 0) -> Any:
    """Ask with `--json`; what is printed must be of the published shape."""
    answer = swarm.ask(verb, *words, code=code)
    assert misfits(answer_schema(verb), answer) == []
    return answer


def demo_run(swarm: Swarm) -> str:
    swarm.repository()
    return swarm.spawn(
        {
            "one": {"profile": "demo", "prompt": "Create `one.txt` with a word"},
            "two": {
                "profile": "demo",
                "prompt": "Create `one.txt` with another word",
                "check": "test -s one.txt",
            },
            "bad": {"argv": ["false"], **NONE},
        }
    )


def test_what_is_said_of_a_run_has_the_published_shape(swarm: Swarm):
    run = demo_run(swarm)
    asked(swarm, "wait", run, code=1)

    for words in ((), ("--size",), (run,), (run, "--size")):
        asked(swarm, "list", *words)
    asked(swarm, "wait", run, "--any", code=None)
    asked(swarm, "poll", run)
    asked(swarm, "poll", f"{run}/one")
    asked(swarm, "poll")
    asked(swarm, "log", f"{run}/one")
    asked(swarm, "diff", f"{run}/one")
    asked(swarm, "aggregate", run, code=1)
    asked(swarm, "aggregate", run, "--merge", code=1)
    asked(swarm, "aggregate", run, "--vote", code=None)
    asked(swarm, "stats", run)
    for by in By:
        asked(swarm, "stats", "--by", by.value)
    asked(swarm, "clear", run, "--force", "--dry-run")
    asked(swarm, "clear", run, "nobody-here", "--force", "--dry-run", code=1)


def test_what_is_said_by_verbs_that_change_has_the_published_shape(swarm: Swarm):
    path = swarm.plan({"slow": {"argv": worker("silent.sh"), **NONE}})
    asked(swarm, "plan", path)
    asked(swarm, "plan", "--list")
    run = asked(swarm, "spawn", path)["run"]
    asked(swarm, "pause", run)
    asked(swarm, "resume", run)
    asked(swarm, "poll", run, "--timeout-s", "0.1", code=None)
    asked(swarm, "wait", run, "--timeout-s", "0", code=124)
    asked(swarm, "kill", run)
    asked(swarm, "retry", run)
    asked(swarm, "kill", run)
    asked(swarm, "clear", run)
    asked(swarm, "clear", "--older-than", "1d")


def test_what_a_doctor_says_has_the_published_shape(swarm: Swarm):
    asked(swarm, "doctor", code=None)
    asked(swarm, "doctor", "--fix")


def test_what_judges_and_results_say_has_the_published_shape(swarm: Swarm):
    result = {"type": "object", "required": ["choice", "why"]}
    judge = {"profile": "demo", "result": result, **NONE}
    tasks: dict[str, Any] = {
        name: {"argv": ["sh", "-c", f"echo {name}"], **NONE} for name in ("a", "b")
    }
    for first, second in (("a", "b"), ("b", "a")):
        prompt = 'Answer {"choice": "first", "why": "it is"}'
        tasks[f"judge-{first}"] = {
            **judge,
            "prompt": prompt,
            "needs": ["a", "b"],
            "judges": [first, second],
        }
    run = swarm.spawn(tasks)
    swarm.call("wait", run, code=None)
    asked(swarm, "list", run)
    asked(swarm, "aggregate", run, code=None)
    asked(swarm, "aggregate", run, "--judge", code=None)


@pytest.mark.parametrize(
    "words",
    [["list", "no-run"], ["spawn"], ["log", "no-run/x"], ["kill"], ["clear"], ["nix"]],
    ids=" ".join,
)
def test_a_refusal_has_the_published_shape(words: list[str], swarm: Swarm):
    assert misfits(error_schema(), swarm.ask(*words, code=2)) == []


async def test_a_call_answers_what_the_command_line_prints(here: Swarm):
    run = demo_run(here)
    here.call("wait", run, code=1)
    home = str(here.home)

    async def answer(name: str, **fields: object) -> tuple[Any, str, int]:
        told = await perform(home, call_of(name, fields))
        return told.as_object(), told.as_text(), told.exit_code

    cases: list[tuple[list[str], dict[str, object]]] = [
        (["list"], {}),
        (["list", run], {"run": run}),
        (["wait", run], {"run": run}),
        (["log", f"{run}/one"], {"session": f"{run}/one"}),
        (["diff", f"{run}/one"], {"session": f"{run}/one"}),
        (["aggregate", run], {"run": run}),
        (["aggregate", run, "--vote"], {"run": run, "vote": True}),
        (
            ["clear", run, "--dry-run", "--force"],
            {"run": [run], "dry_run": True, "force": True},
        ),
        (["kill", run], {"id": run}),
    ]
    for words, fields in cases:
        told, text, code = await answer(words[0], **fields)
        assert here.ask(*words, code=code) == told
        assert here.call(*words, code=code).out.rstrip("\n") == text.rstrip("\n")
    # Each asker has a place of its own.
    told, text, _ = await answer("poll", id=run, asker="ada")
    assert here.ask("poll", run, "--as", "bob") == told
    assert told["events"]


async def test_a_plan_may_be_given_as_it_is(here: Swarm):
    here.repository()
    plan = {"repo": "repo", "tasks": {"a": {"argv": ["true"]}}}
    call = call_of("plan", {"plan": plan, "cwd": str(here.folder)})
    told = (await perform(str(here.home), call)).as_object()
    assert told["plan"]["tasks"].keys() == {"a"}
    assert misfits(answer_schema("plan"), told) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("kill", {}),
        ("kill", {"id": "a-b", "asker": "ada"}),
        ("list", {"run": "a-b", "asker": "ada"}),
        ("clear", {}),
        ("send", {"session": "a-b/c"}),
        ("stats", {"limit": 3}),
        ("aggregate", {"run": "a-b", "check": "true"}),
        ("aggregate", {"run": "a-b", "merge": True, "profile": "demo"}),
        ("aggregate", {"run": "a-b", "merge": True, "check_every": 0}),
        ("aggregate", {"run": "a-b", "merge": True, "check": " "}),
        ("aggregate", {"run": "a-b", "judge": True, "vote": True}),
        ("spawn", {"task": ["x"], "set": {"a": 1}}),
        ("spawn", {"plan": {"tasks": {}}, "workspace": "none"}),
        ("spawn", {"task": ["x"], "asker": "ada", "into": "a-b"}),
        ("spawn", {"task": ["x"], "only_new": True}),
        ("spawn", {"task": [" "]}),
        ("spawn", {"task": ["x"], "profile": "command"}),
        ("spawn", {"strategy": "map", "set": {"items": "-"}}),
        ("spawn", {"plan": "a.yaml", "task": ["x"]}),
    ],
    ids=repr,
)
async def test_what_is_wrong_is_said_in_words_that_every_caller_knows(
    here: Swarm, name: str, fields: dict[str, Any]
):
    with pytest.raises(SwarmError) as refused:
        await perform(str(here.home), call_of(name, fields))
    assert "--" not in f"{refused.value} {refused.value.remedy}"


async def test_a_folder_that_is_not_there_is_refused(here: Swarm, tmp_path: Path):
    for cwd in ("here", str(tmp_path / "gone")):
        call = call_of("spawn", {"task": ["x"], "cwd": cwd})
        with pytest.raises(Exception, match="cwd must be an absolute folder") as told:
            await perform(str(here.home), call)
        assert getattr(told.value, "exit_code", None) == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_wait_that_is_given_up_leaves_nothing(here: Swarm, anyio_backend: str):
    run = here.spawn({"slow": {"argv": worker("silent.sh"), **NONE}})
    home = str(here.home)
    before = open_files()
    with anyio.move_on_after(30) as slow:
        with anyio.move_on_after(0.2) as soon:
            await perform(home, WaitCall(run=run))
        assert soon.cancelled_caught
        for scope in (run, f"{run}/slow"):
            with anyio.move_on_after(0.2) as soon:
                await perform(home, call_of("poll", {"id": scope, "timeout_s": 900}))
    assert not slow.cancelled_caught
    assert open_files() == before
    here.call("kill", run)


async def test_what_is_wrong_is_raised_as_it_is(here: Swarm):
    with pytest.raises(UnknownRunError):
        await perform(str(here.home), WaitCall(run="no-run"))


def test_a_line_that_is_cut_before_anybody_listens_ends_the_wait():
    line = Line()
    line.cut()
    assert line.is_cut


def open_files() -> set[str]:
    """Return what this process has open, but for what an event loop has."""
    found: set[str] = set()
    for name in Path("/proc/self/fd").iterdir():
        try:
            target = str(name.readlink())
        except OSError:
            continue
        if "state" in target or target.startswith("socket:"):
            found.add(target)
    return found
