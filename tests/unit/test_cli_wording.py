"""What the command line says reads as sentences, for people and for models."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import pytest

from kimi_swarm.actions.expect import expect
from kimi_swarm.actions.plan import prepare
from kimi_swarm.actions.wanted import Wanted
from kimi_swarm.bundle import bundle_root
from kimi_swarm.cli.exits import tell
from kimi_swarm.errors import SwarmError
from kimi_swarm.strategies import strategies_at
from kimi_swarm.telling import preview


@pytest.mark.parametrize("end", ["", ".", "?"])
def test_a_remedy_begins_a_sentence_of_its_own(
    capsys: pytest.CaptureFixture[str], end: str
):
    tell(SwarmError(f"The plan is empty{end}", remedy="Write one."), is_json=False)
    told = capsys.readouterr().err
    assert told == f"kimi-swarm: The plan is empty{end or '.'} Write one. [error]\n"


def test_strategies_are_listed_with_what_they_are_for_and_where_they_come_from():
    found, problems = strategies_at(bundle_root()).sound()
    told = preview.strategies(found, problems)
    assert "component-split (package): One worker for each component" in told
    assert "None" not in told


@pytest.mark.parametrize("name", list(strategies_at(bundle_root()).found))
def test_what_a_strategy_takes_is_told_without_words_of_python(name: str):
    found = strategies_at(bundle_root()).take(name)
    told = preview.strategy(found, found.header())
    assert not {"None", "True", "False"} & set(told.split())
    for parameter in found.header().parameters:
        assert f"  {parameter.name} " in told
        assert parameter.help in told


def test_a_strategys_help_tells_types_and_defaults():
    found = strategies_at(bundle_root()).take("research")
    told = preview.strategy(found, found.header())
    assert "(string, required)" in told
    assert "(string, optional)" in told
    assert "(list, default official documentation, community, benchmarks)" in told
    assert told.endswith("plan research --set question=…")


def test_a_preview_gives_each_task_one_line(tmp_path: Path):
    plan = tmp_path / "one.yaml"
    plan.write_text(
        "repo: new\ntasks:\n  one:\n    profile: demo\n"
        '    prompt: "Create `a` with b"\n'
        "    check: |\n      test -f a\n      test -s a\n"
    )
    wanted = Wanted(cwd=tmp_path, plan_file=plan)
    home = str(tmp_path / "state")
    prepared = anyio.run(partial(prepare, home, wanted))
    words = ["one.yaml", "--permission", "read"]
    told = preview.preview(prepared, expect(home, prepared), words=words).splitlines()
    assert told[0] == "one: 1 task, at most 5 at once"
    alone = "it is a single task, which one worker does as well without a plan."
    assert told[-5:] == [
        "Tasks, each at most 30m00s:",
        "- one: Create `a` with b · check: test -f a …",
        "Expected time and cost: unknown (no earlier sessions of demo to judge by)",
        f"Parallel work will not pay: {alone}",
        "Nothing has started. Next: kimi-swarm spawn one.yaml --permission read",
    ]
    assert not Path(home).exists()
