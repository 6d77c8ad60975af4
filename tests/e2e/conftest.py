from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import real_programs, real_workers
from e2e.swarm_cli import Swarm, bare_environment, copy_tree, git
from fakes.scripted_model import ScriptedModel

TOLD = "real programs"
FIGURES = "crowd"


@pytest.fixture(scope="session")
def commands() -> Path:
    """The folder with the real `node` and `kimi`."""
    if not real_programs.has_npm():
        sentence = "The end-to-end tests bring real programs from npm: install npm."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    try:
        return real_programs.install(real_programs.cache_folder())
    except real_programs.NotInstalledError as error:
        sentence = f"The real programs could not be brought from npm: {error}"
    pytest.fail(sentence, pytrace=False)


@pytest.fixture(scope="session")
def program_versions(commands: Path) -> str:
    return real_programs.versions(commands)


@pytest.fixture(scope="session")
def kimi_cli() -> Path:
    """The folder with the real `kimi-cli`, where there is a Python for it."""
    python = real_programs.find_python()
    if python is None:
        pytest.skip("kimi-cli needs Python 3.12 or newer, and none was found")
    try:
        cache = real_programs.cache_folder()
        return real_programs.install_python_program("kimi-cli", cache, python)
    except real_programs.NotInstalledError as error:
        sentence = f"kimi-cli could not be brought: {error}"
    pytest.fail(sentence, pytrace=False)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of this tree, as a user has it after a clone."""
    return copy_tree(tmp_path_factory.mktemp("copy") / "kimi-swarm")


@pytest.fixture(scope="session")
def swarm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache that all users here share, so that the environment is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as served:
        yield served


@pytest.fixture
def swarm(
    tree: Path,
    swarm_cache: Path,
    commands: Path,
    program_versions: str,
    model: ScriptedModel,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Swarm]:
    """A user with nothing but the real programs, and the scripted model to call."""
    request.node.user_properties.append((TOLD, program_versions))
    home = tmp_path / "home"
    home.mkdir()
    env = {
        **bare_environment(home, commands),
        "KIMI_SWARM_HOME": str(tmp_path / "state"),
        "KIMI_SWARM_CACHE": str(swarm_cache),
        "KIMI_SWARM_IDLE_S": "1",
        "KIMI_MODEL_NAME": "scripted",
        "KIMI_MODEL_API_KEY": "scripted-key",
        "KIMI_MODEL_BASE_URL": model.url,
    }
    user = Swarm(tree, tmp_path, env)
    try:
        yield user
    finally:
        left = user.end()
    assert left == [], "processes outlived `kill --all` and the idle supervisor"
    assert user.complaints() == "", "the supervisor met an error of its own"


@pytest.fixture
def workers(
    swarm: Swarm, model: ScriptedModel, request: pytest.FixtureRequest
) -> Swarm:
    """The same user with every real worker set up.

    kimi-cli is there for tests that ask for it, or for the profile that runs it.
    """
    real_workers.set_up(swarm, model.url)
    parameters = getattr(getattr(request.node, "callspec", None), "params", {})
    wanted = {*request.fixturenames, *map(str, parameters.values())}
    if {"kimi_cli", real_workers.LEGACY} & wanted:
        folder = request.getfixturevalue("kimi_cli")
        real_workers.add_to_path(swarm, folder)
        told = real_programs.versions(folder, ["kimi-cli"])
        request.node.user_properties.append((TOLD, told))
    return swarm


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit, in which plans can be run."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "README.md").write_text("# A dashboard\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for many in terminalreporter.stats.values() for one in many]
    told = {
        f"{name}: {value}"
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name in {TOLD, FIGURES}
    }
    for line in sorted(told):
        terminalreporter.write_line(line)
