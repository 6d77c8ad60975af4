"""What the command line says reads as sentences, for people and for models."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import pytest

from kimi_swarm.actions.plan import Wanted, prepare
from kimi_swarm.cli import speech
from kimi_swarm.cli.exits import tell
from kimi_swarm.errors import SwarmError
from kimi_swarm.prompts import list_strategies


@pytest.mark.parametrize("end", ["", ".", "?"])
def test_a_remedy_begins_a_sentence_of_its_own(
    capsys: pytest.CaptureFixture[str], end: str
):
    tell(SwarmError(f"The plan is empty{end}", remedy="Write one."), is_json=False)
    told = capsys.readouterr().err
    assert told == f"kimi-swarm: The plan is empty{end or '.'} Write one. [error]\n"


def test_strategies_are_listed_without_words_of_python():
    told = speech.strategies(list_strategies())
    assert "None" not in told
    assert "True" not in told
    assert "(string, optional)" in told
    assert "default official documentation, community, benchmarks" in told


def test_a_preview_gives_each_task_one_line(tmp_path: Path):
    plan = tmp_path / "one.yaml"
    plan.write_text(
        "repo: new\ntasks:\n  one:\n    profile: demo\n"
        '    prompt: "Create `a` with b"\n'
        "    check: |\n      test -f a\n      test -s a\n"
    )
    wanted = Wanted(cwd=tmp_path, plan_file=plan)
    told = speech.preview(
        anyio.run(partial(prepare, str(tmp_path / "state"), wanted))
    ).splitlines()
    assert told[0] == "one: 1 task, at most 5 at once"
    assert told[-1] == "  one (demo, ≤30m00s): Create `a` with b · check: test -f a …"
