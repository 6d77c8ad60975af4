"""The call to try first: it works from any folder, however we were installed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from fakes.swarm import Swarm
from kimi_swarm.actions import example
from kimi_swarm.actions.example import ONE_TASK, example_call


def test_a_skill_whose_code_runs_from_a_copy_names_the_tour_beside_its_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    skill = tmp_path / "it's a skill"
    tour = skill / "examples" / "tour.yaml"
    tour.parent.mkdir(parents=True)
    tour.touch()
    script = shlex.quote(str(skill / "skill" / "swarm.py"))
    monkeypatch.setenv("KIMI_SWARM_PROG", f"python3 {script}")
    monkeypatch.setattr(example, "bundle_root", lambda: tmp_path)

    assert shlex.split(example_call()) == ["run", str(tour)]


@pytest.mark.parametrize("program", ["kimi-swarm", "it's", ""])
def test_without_the_tour_one_task_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
):
    monkeypatch.setenv("KIMI_SWARM_PROG", program)
    monkeypatch.setattr(example, "bundle_root", lambda: tmp_path)
    verb = "run" if program else "spawn"
    assert example_call() == f"{verb} {ONE_TASK}"


def test_the_one_task_works_where_there_is_nothing(swarm: Swarm):
    done = swarm.call("run", *shlex.split(ONE_TASK))
    assert "1 succeeded" in done.out
