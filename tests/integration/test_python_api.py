"""Swarm for Python programs: typed, under asyncio and trio, and as documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from fakes.swarm import ROOT, worker
from fakes.swarm import Swarm as User
from kimi_swarm import Plan, Swarm, SwarmError
from kimi_swarm.store.views import UnknownRunError

pytestmark = pytest.mark.anyio

NONE = {"workspace": "none"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def here(swarm: User, monkeypatch: pytest.MonkeyPatch) -> User:
    """This process stands where the user does."""
    for name in os.environ:
        if name.startswith(("KIMI_SWARM", "XDG")):
            monkeypatch.delenv(name)
    for name, value in swarm.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(swarm.folder)
    return swarm


def demo(*names: str) -> dict[str, Any]:
    tasks = {each: {"prompt": f"Create `{each}.txt` with a word"} for each in names}
    return {"repo": "new", "defaults": {"profile": "demo"}, "tasks": tasks}


async def test_a_run_is_spawned_followed_and_merged(here: User):
    async with Swarm() as swarm:
        assert swarm.home == str(here.home)
        preview = await swarm.plan(demo("one", "two"))
        assert preview.plan["tasks"]
        run = await swarm.spawn(demo("one", "two"))
        told = [event async for event in run.events()]
        ended = await run.wait(timeout_s=60)
        report = await run.aggregate(merge=True)
        (first, *_) = await run.sessions()
        log = await first.log()
        patch = await first.diff()
        runs = await swarm.list()

    assert [event.event for event in told].count("ended") == 2
    assert told[-1].event == "run_ended"
    assert told == sorted(told, key=lambda event: event.seq)
    assert ended.is_success
    assert not ended.timed_out
    assert report.is_success
    assert report.merged is not None
    assert len(report.merged.merged) == 2
    assert first.id == f"{run.id}/one"
    assert log.lines
    assert "one.txt" in patch
    assert [each.run for each in runs] == [run.id]


async def test_a_plan_comes_from_a_file_a_model_or_words(here: User):
    here.repository()
    tasks = {"a": {"argv": ["true"], **NONE}}
    async with Swarm(cwd=here.folder) as swarm:
        of_file = await swarm.plan(here.plan(tasks))
        of_model = await swarm.plan(Plan.model_validate({"tasks": tasks}))
        of_words = await swarm.plan(
            tasks=["Say a word"], profile="demo", workspace="none"
        )
    for each in (of_file, of_model):
        assert isinstance(each.plan["tasks"], dict)
        assert each.plan["tasks"].keys() == {"a"}
    assert of_words.plan["tasks"]


async def test_closing_leaves_workers_at_work_and_another_finds_them(here: User):
    plan = {"tasks": {"slow": {"argv": worker("silent.sh"), **NONE}}}
    async with Swarm() as swarm:
        run = await swarm.spawn(plan)
    with pytest.raises(SwarmError, match="not open"):
        await run.wait()
    async with Swarm() as swarm:
        again = swarm.run(run.id)
        seen = await again.wait(timeout_s=0)
        assert seen.timed_out
        assert not seen.is_success
        assert (await again.pause()).is_paused
        assert not (await again.resume()).is_paused
        (ended,) = await again.kill()
        assert ended.outcome == "cancelled"
        assert (await again.clear()).run == run.id
        assert await swarm.list() == ()


async def test_what_is_wrong_is_a_swarm_error_with_a_remedy(here: User):
    async with Swarm() as swarm:
        with pytest.raises(UnknownRunError):
            await swarm.run("no-run").look()
        with pytest.raises(SwarmError) as told:
            await swarm.spawn({"tasks": {"a": {"prompts": "x"}}})
        assert told.value.code == "plan"
        assert 'did you mean "prompt"' in str(told.value)
        with pytest.raises(UnknownRunError):
            async for _ in swarm.run("no-run").events():
                pass
    assert not here.home.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"tasks": "abc"}, '`tasks` must be a list of texts, not the text "abc".'),
        ({"tasks": 5}, "`tasks` must be a list of texts, not the number 5."),
        ({"tasks": [5]}, "task[0]: must be text, not the number 5."),
        ({"plan": 5}, "the plan as an object, not the number 5."),
        ({"plan": [1]}, "the plan as an object, not a list."),
        ({"plan": b"plan.yaml"}, "the plan as an object, not bytes."),
        ({}, "Name one thing to run: nothing is named."),
        ({"plan": {}, "tasks": ["x"]}, "to run: a plan and tasks are several."),
        ({"tasks": ["x"], "notify": "no word"}, "name of an asker or a session key."),
    ],
    ids=repr,
)
async def test_what_cannot_be_run_is_refused_by_spawn_as_by_plan(
    fields: dict[str, Any], sentence: str, here: User
):
    async with Swarm() as swarm:
        for begin in (swarm.plan, swarm.spawn):
            with pytest.raises(SwarmError) as told:
                await begin(**fields)
            assert str(told.value).endswith(sentence)
            assert told.value.remedy
    assert not here.home.exists()


async def test_what_a_program_was_told_is_not_in_its_inbox_again(here: User):
    tasks = {"a": {"argv": ["true"], **NONE}}
    async with Swarm() as nobody, Swarm(asker="ada") as ada:
        run = await nobody.spawn({"tasks": tasks})
        told = await nobody.inbox(timeout_s=60)
        assert [each.run for each in told.completions] == [run.id]
        assert (await nobody.inbox()).completions == ()
        (end,) = (await ada.inbox()).completions
        assert end.completion == told.completions[0].completion
        assert (await ada.inbox()).completions == ()


async def test_a_run_that_a_budget_holds_goes_on_with_more(here: User):
    tasks = {name: {"argv": ["true"], **NONE} for name in ("a", "b")}
    async with Swarm() as swarm:
        run = await swarm.spawn({"tasks": tasks, "limits": {"sessions": 1}})
        held = await run.wait(timeout_s=60)
        assert held.held == "budget sessions 1 spent 1"
        assert not held.is_success
        with pytest.raises(SwarmError, match="spent already"):
            await run.resume(sessions=1)
        assert not (await run.resume(sessions=2)).is_paused
        with anyio.fail_after(60):
            told = [event.event async for event in run.events()]
        assert "run_ended" in told
        assert (await run.wait()).is_success
        used = await swarm.stats(run, by="profile")
    assert used.run == run.id
    assert [(group.profile, group.sessions) for group in used.groups] == [
        ("command", 2)
    ]


async def test_strategies_are_told_and_old_runs_cleared(here: User):
    async with Swarm() as swarm:
        told = await swarm.strategies()
        run = await swarm.spawn({"tasks": {"a": {"argv": ["true"], **NONE}}})
        await run.wait(timeout_s=60, any_session=True)
        await run.wait(timeout_s=60)
        sizes = [each.size_bytes for each in await swarm.list(size=True)]
        gone = await swarm.clear_old("0s")
        fixed = await swarm.mend()
    assert "map" in {each.name for each in told.strategies}
    assert all(sizes)
    assert [each.run for each in gone.cleared] == [run.id]
    assert fixed.failed == ()


async def test_events_end_with_an_error_once_the_swarm_is_closed(here: User):
    async with Swarm() as swarm:
        run = await swarm.spawn(demo("one", "two"))
        await run.wait(timeout_s=60)
        events = run.events()
        await anext(events)
    with pytest.raises(SwarmError, match="not open") as told:
        await anext(events)
    assert told.value.code == "swarm_closed"


async def test_who_waits_for_events_hears_at_once_that_the_swarm_is_closed(here: User):
    plan = {"tasks": {"slow": {"argv": worker("silent.sh"), **NONE}}}
    swarm, is_at_work = Swarm(), anyio.Event()
    refused: list[str] = []
    async with swarm:
        run = await swarm.spawn(plan)

        async def listen() -> None:
            try:
                async for event in run.events():
                    if event.event == "launched":
                        is_at_work.set()
            except SwarmError as error:
                refused.append(error.code)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(listen)
                await is_at_work.wait()
                await swarm.__aexit__(None, None, None)
    assert refused == ["swarm_closed"]
    async with swarm:
        await run.kill()


async def test_giving_up_on_events_ends_at_once(here: User):
    plan = {"tasks": {"slow": {"argv": worker("silent.sh"), **NONE}}}
    async with Swarm() as swarm:
        run = await swarm.spawn(plan)
        with anyio.fail_after(30), anyio.move_on_after(0.5) as soon:
            async for _ in run.events():
                pass
        assert soon.cancelled_caught
        await run.kill()


async def test_what_comes_back_is_frozen(here: User):
    async with Swarm() as swarm:
        health = await swarm.doctor()
    with pytest.raises(ValueError, match="frozen"):
        health.release = "2"  # type: ignore[misc]  # that is the point
    assert health.profiles


@pytest.mark.parametrize("name", ["README.md", "docs/python.md"])
def test_the_example_that_is_shown_works(name: str, here: User, anyio_backend: str):
    blocks = re.findall(
        r"^```python\n(.*?)^```$",
        (ROOT / name).read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    if anyio_backend == "trio":  # the example chooses for itself
        return
    for block in blocks:
        path = here.folder / "example.py"
        path.write_text(block, "utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(path)],
            env=here.env,
            cwd=here.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "succeeded" in done.stdout
    assert blocks


def test_importing_the_package_alone_imports_nothing_else(tmp_path: Path):
    program = (
        "import sys; before = set(sys.modules); import kimi_swarm;"
        " print(*sorted(set(sys.modules) - before - {'__future__'}))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT / 'skill')!r}); {program}",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["kimi_swarm"]


def test_every_name_that_the_package_offers_is_there():
    import kimi_swarm  # noqa: PLC0415 all of it is looked at

    for name in kimi_swarm.__all__:
        assert getattr(kimi_swarm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Swarms'"):
        kimi_swarm.Swarms  # noqa: B018  # type: ignore[attr-defined]  # as meant


def test_a_strict_type_checker_knows_the_types_and_finds_what_is_misspelt(
    tmp_path: Path,
):
    assert (ROOT / "skill/kimi_swarm/py.typed").exists()
    path = tmp_path / "user.py"
    path.write_text(
        "from kimi_swarm import Run, Swarm\n"
        "async def main() -> str:\n"
        "    async with Swarm() as swarm:\n"
        "        run: Run = await swarm.spawn('plan.yaml')\n"
        "        await swarm.spawn('p', permission='reed')  # type: ignore[arg-type]\n"
        "        await swarm.plan('p', workspace='here')  # type: ignore[arg-type]\n"
        "        await swarm.stats(by='month')  # type: ignore[arg-type]\n"
        "        reveal_type((await run.aggregate()).tasks)\n"
        "        return run.id\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-incremental",
            "--follow-imports=silent",
            str(path),
        ],
        env={**os.environ, "MYPYPATH": str(ROOT / "skill")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TaskReport" in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout
