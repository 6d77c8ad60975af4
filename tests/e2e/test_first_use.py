"""First use for real: packages from the index, by uv, by pip, and as a wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from e2e.swarm_cli import BASE_PYTHON, bare_environment, copy_tree

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

IMPORTS = "import anyio, jinja2, pydantic, rich, shtab, sys, yaml; print(sys.prefix)"
CALL_LIMIT_S = 240.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "höme of a user"
    home.mkdir()
    return home


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    return copy_tree(tmp_path / "skills" / "kimi-swarm")


def output(*words: str | Path, cwd: Path, env: dict[str, str]) -> str:
    """Run one command that must succeed; gives what it printed."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=CALL_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


def declared_version(skill: Path) -> str:
    project = tomllib.loads((skill / "pyproject.toml").read_text())["project"]
    return str(project["version"])


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_first_use_builds_an_environment_that_works(
    skill: Path, home: Path, tmp_path: Path, installer: str
) -> None:
    env = bare_environment(home)
    if installer == "uv":
        uv = shutil.which("uv")
        if uv is None:
            pytest.skip("uv is not on PATH")
        env["PATH"] = os.pathsep.join([str(Path(uv).parent), env["PATH"]])
    cache = tmp_path / "the cache"
    env["KIMI_SWARM_CACHE"] = str(cache)
    words: list[str | Path] = [BASE_PYTHON, skill / "skill" / "swarm.py", "--version"]
    assert declared_version(skill) in output(*words, cwd=tmp_path, env=env)
    (built,) = (one for one in (cache / "env").iterdir() if one.is_dir())
    python = built / "bin" / "python"
    prefix = output(python, "-I", "-c", IMPORTS, cwd=tmp_path, env=env)
    assert Path(prefix.strip()) == built
    assert not list((skill / "skill").rglob("__pycache__"))
    log = built.with_name(f"{built.name}.log").read_text()
    assert ("$ uv pip sync" in log) is (installer == "uv")


def test_racing_first_calls_build_one_environment(
    skill: Path, home: Path, tmp_path: Path
) -> None:
    env = bare_environment(home)
    calls = [
        subprocess.Popen(
            [BASE_PYTHON, skill / "skill" / "swarm.py", "--version"],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(3)
    ]
    told = [call.communicate(timeout=CALL_LIMIT_S)[1] for call in calls]
    assert [call.returncode for call in calls] == [0, 0, 0], told
    assert "".join(told).count("building its Python environment (") == 1


def test_the_wheel_gives_the_command_without_the_source(
    skill: Path, home: Path, tmp_path: Path
) -> None:
    env = bare_environment(home)
    venv = tmp_path / "venv"
    version = declared_version(skill)
    output(sys.executable, "-I", "-m", "venv", venv, cwd=tmp_path, env=env)
    pip: list[str | Path] = [venv / "bin" / "python", "-I", "-m", "pip", "-q"]
    output(*pip, "wheel", "--no-deps", "-w", tmp_path, skill, cwd=tmp_path, env=env)
    (wheel,) = tmp_path.glob("*.whl")
    output(*pip, "install", wheel, cwd=tmp_path, env=env)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    lock = skill / "requirements.lock"
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE))
    shutil.rmtree(skill)
    command = venv / "bin" / "kimi-swarm"
    assert version in output(command, "--version", cwd=tmp_path, env=env)
    output(command, "list", cwd=tmp_path, env=env)
    frozen = output(*pip, "freeze", cwd=tmp_path, env=env).lower().replace("_", "-")
    installed = set(re.findall(r"^([a-z0-9-]+)==", frozen, re.MULTILINE))
    assert installed <= pinned
    assert "kimi_swarm/_bundle/manifest.yaml" in names
    assert any(name.startswith("kimi_swarm/_bundle/prompts/") for name in names)
    info = f"kimi_swarm-{version}.dist-info"
    assert {name.split("/")[0] for name in names} == {"kimi_swarm", info}
