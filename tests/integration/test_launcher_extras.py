"""Verbs that need more packages: an environment of their own, made on first use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.skill_folder import SkillFolder, finish
from fakes.swarm import until

# Makes environments as uv does, each only once a gate is open.
SLOW_UV = """#!/bin/sh
PATH=/usr/bin:/bin
echo "$1" >> "{diary}"
if [ "$1" = venv ]; then
    for folder; do :; done
    until [ -e "{gate}" ]; do sleep 0.02; done
    exec "{python}" -m venv --without-pip "$folder"
fi
"""


@pytest.fixture
def skill(tmp_path: Path) -> SkillFolder:
    return SkillFolder(tmp_path)


@pytest.fixture
def gate(skill: SkillFolder) -> Path:
    """The file for which every build of an environment waits."""
    gate = skill.base / "gate"
    words = {"gate": gate, "diary": skill.base / "diary", "python": sys.executable}
    skill.program("uv", SLOW_UV.format(**words))
    return gate


def is_building(skill: SkillFolder) -> bool:
    diary = skill.base / "diary"
    return diary.exists() and "venv" in diary.read_text()


def test_a_verb_that_needs_more_gets_an_environment_beside_the_light_one(
    skill: SkillFolder,
) -> None:
    skill.with_fake_uv()
    light = skill.call("run").told["python"]
    more = skill.call("mcp", "--flag").told

    assert more["argv"] == ["mcp", "--flag"]
    assert {Path(light).parents[1], Path(more["python"]).parents[1]} == set(
        skill.environments()
    )
    asked = Path(more["python"]).parents[1]
    assert Path(f"{asked}.requirements").read_text() == "# few\n# more\n"
    assert skill.call("run").told["python"] == light
    assert skill.call("list").told["env"]["KIMI_SWARM_PYTHON"] == light


def test_other_verbs_are_not_led_to_the_larger_environment(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    skill.call("mcp")
    assert "KIMI_SWARM_PYTHON" not in skill.call("list").told["env"]
    assert len(skill.environments()) == 1


def test_a_first_use_writes_nothing_of_its_own_to_standard_output(
    skill: SkillFolder,
) -> None:
    skill.with_fake_uv()
    call = skill.start("mcp")
    answer = finish(call)
    assert answer.told["argv"] == ["mcp"]
    assert answer.told["pid"] == call.pid
    assert answer.out.count("\n") == 1
    assert "first use: building its Python environment" in answer.err
    assert skill.call("mcp").err == ""


def test_an_environment_can_be_built_ahead(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    assert skill.call("mcp", "--prepare").told["argv"] == ["mcp", "--prepare"]
    assert skill.call("mcp").err == ""


def test_a_client_that_gives_up_in_the_middle_finds_the_build_done_next_time(
    skill: SkillFolder, gate: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, str(skill.script), "mcp"],
        env=skill.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as call:
        until(lambda: is_building(skill))
        os.killpg(call.pid, signal.SIGKILL)
    gate.touch()  # nobody reads any more what the build says

    (lock,) = (skill.cache / "env").glob("*.lock")
    until(lambda: lock.with_suffix("").is_dir())
    answer = skill.call("mcp")
    assert (answer.code, answer.err) == (0, "")
    assert (skill.base / "diary").read_text().split().count("venv") == 1


def test_a_step_that_outlives_its_builder_keeps_the_next_build_waiting(
    skill: SkillFolder, gate: Path
) -> None:
    first = skill.start("run")
    until(lambda: is_building(skill))
    first.kill()
    first.communicate()

    second = skill.start("run")
    assert second.stderr is not None
    assert "another call is building" in second.stderr.readline()
    gate.touch()
    assert finish(second).code == 0


def test_packages_that_cannot_be_had_end_the_verb_with_one_sentence(
    skill: SkillFolder,
) -> None:
    pin = f"kimi-swarm-no-such-package==1.0 --hash=sha256:{'0' * 64}\n"
    (skill.root / "requirements-mcp.lock").write_text(pin)
    answer = skill.call("mcp", PIP_NO_INDEX="1")
    assert (answer.code, answer.out) == (2, "")
    assert "Could not install its Python packages" in answer.err
    assert "Traceback" not in answer.err
    skill.with_fake_uv()
    assert skill.call("run").code == 0
