"""When the launcher cannot start: one sentence, a remedy, exit code 2."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.skill_folder import SkillFolder
from launcher import elsewhere

INTERRUPTING_UV = """#!/bin/sh
if [ "$1" = venv ]; then kill -INT "$PPID"; fi
"""
FAILING_SHIM = "#!/bin/sh\nexit 127\n"
NO_MODULE = "import sys\nsys.modules['{}'] = None\n"


@pytest.fixture
def skill(tmp_path: Path) -> SkillFolder:
    return SkillFolder(tmp_path)


def old_python(minor: int) -> str:
    """Return an interpreter of Python 3.`minor`, or skip."""
    name = f"python3.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(name), *pyenv.glob(f"versions/3.{minor}.*/bin/{name}")]
    for python in filter(None, found):
        words = [str(python), "-I", "-c", "pass"]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return str(python)
    pytest.skip(f"no Python 3.{minor} on this machine")


@pytest.mark.parametrize("minor", [6, 7, 8, 9, 10])
def test_an_old_python_without_a_newer_one_says_what_to_install(
    skill: SkillFolder, minor: int
) -> None:
    answer = skill.call("run", python=old_python(minor))
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith(f"kimi-swarm: This is Python 3.{minor}.")
    assert "Install Python 3.11 or newer, or uv" in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("minor", [6, 9])
def test_an_old_python_goes_on_in_a_newer_one(skill: SkillFolder, minor: int) -> None:
    skill.program("python3.13", FAILING_SHIM)
    (skill.bin / "python3.11").symlink_to(sys.executable)
    answer = skill.call("list", "ü", python=old_python(minor))
    assert answer.told["argv"] == ["list", "ü"]
    assert answer.err == ""


def test_a_shim_that_fails_is_passed_over(
    skill: SkillFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    skill.program("python3.14", FAILING_SHIM)
    other = tmp_path / "other"
    other.mkdir()
    (other / "python3.14").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{skill.bin}{os.pathsep}{other}")
    memory = tmp_path / "cache" / "python"
    assert Path(elsewhere.newer_python(str(memory))).samefile(sys.executable)
    monkeypatch.setenv("PATH", str(skill.bin))
    assert Path(elsewhere.newer_python(str(memory))).samefile(sys.executable)


def test_uv_is_asked_when_path_has_no_python(
    skill: SkillFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    skill.program("uv", f'#!/bin/sh\necho "{sys.executable}"\n')
    monkeypatch.setenv("PATH", str(skill.bin))
    memory = str(tmp_path / "python")
    assert Path(elsewhere.newer_python(memory)).samefile(sys.executable)


def test_no_python_at_all_is_no_path(
    skill: SkillFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(skill.bin))
    assert elsewhere.newer_python(str(tmp_path / "python")) == ""


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_venv_module_is_named_with_its_package(
    skill: SkillFolder, tmp_path: Path, module: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_MODULE.format(module))
    answer = skill.call("run", PYTHONPATH=str(tmp_path))
    name = f"python3.{sys.version_info[1]}-venv"
    assert answer.code == 2
    assert f"has no {module} module" in answer.err
    assert f"python3-venv (or {name})" in answer.err
    assert "Traceback" not in answer.err


def test_without_uv_the_environment_is_made_by_venv_and_pip(skill: SkillFolder) -> None:
    answer = skill.call("run")
    assert answer.code == 0, answer.err
    assert "first use: building its Python environment" in answer.err
    assert skill.call("run").err == ""


def test_a_uv_that_fails_gives_way_to_pip(skill: SkillFolder) -> None:
    skill.program("uv", '#!/bin/sh\n[ "$1" = --version ]\n')
    answer = skill.call("run")
    assert answer.code == 0, answer.err


def test_packages_that_cannot_be_had_are_one_sentence_with_the_log(
    skill: SkillFolder,
) -> None:
    pin = f"kimi-swarm-no-such-package==1.0 --hash=sha256:{'0' * 64}\n"
    (skill.root / "requirements.lock").write_text(pin)
    answer = skill.call("--json", "run", PIP_NO_INDEX="1")
    error = json.loads(answer.out)["error"]
    log = error["remedy"].rsplit("the full log is ", 1)[1].rstrip(".")
    assert answer.code == 2
    assert error["code"] == "environment_failed"
    assert "kimi-swarm-no-such-package" in error["message"]
    assert "kimi-swarm-no-such-package" in Path(f"{log}").read_text()
    assert "Traceback" not in answer.err


def test_an_environment_left_half_made_is_built_again(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    python = Path(skill.call("run").told["python"])
    env = python.parents[1]
    env.rename(f"{env}.new")
    (Path(f"{env}.new") / "half").touch()
    assert skill.call("run").told["python"] == str(python)
    assert skill.environments() == [env]
    assert not (env / "half").exists()


def test_an_environment_whose_base_python_has_gone_is_built_again(
    skill: SkillFolder,
) -> None:
    skill.with_fake_uv()
    python = Path(skill.call("run").told["python"])
    python.unlink()
    python.symlink_to(skill.base / "gone")
    assert skill.call("run").code == 0


@pytest.mark.parametrize("verb", ["list", "run"])
def test_a_cache_that_cannot_be_written_is_one_sentence(
    skill: SkillFolder, verb: str
) -> None:
    skill.cache.write_text("a file in the way")
    answer = skill.call(verb)
    assert answer.code == 2
    assert f"The cache folder {skill.cache} cannot be written" in answer.err
    assert "Set KIMI_SWARM_CACHE" in answer.err
    assert answer.err.count("\n") == 1


def test_a_problem_is_json_when_json_is_asked(skill: SkillFolder) -> None:
    skill.cache.write_text("a file in the way")
    told = json.loads(skill.call("list", "--json").out)
    assert told["version"] == 1
    assert told["error"]["code"] == "cache_not_writable"
    assert told["error"]["remedy"]


@pytest.mark.parametrize(
    "name", ["manifest.yaml", "requirements.lock", "requirements-mcp.lock"]
)
def test_a_skill_with_a_file_missing_says_which(skill: SkillFolder, name: str) -> None:
    (skill.root / name).unlink()
    answer = skill.call("list")
    assert answer.code == 2
    assert f"has no {name}. Install the skill again." in answer.err


def test_a_skill_that_cannot_be_read_is_one_sentence(skill: SkillFolder) -> None:
    (skill.root / "manifest.yaml").unlink()
    (skill.root / "manifest.yaml").symlink_to("manifest.yaml")
    answer = skill.call("list")
    assert answer.code == 2
    assert f"The skill folder {skill.root} cannot be read" in answer.err
    assert answer.err.count("\n") == 1


def test_an_interrupted_build_says_nothing_more_and_is_made_good(
    skill: SkillFolder,
) -> None:
    skill.program("uv", INTERRUPTING_UV)
    answer = skill.call("run")
    assert answer.code == 130
    assert "Traceback" not in answer.err
    skill.with_fake_uv()
    assert skill.call("run").code == 0
