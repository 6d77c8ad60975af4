"""What is shipped: exact pins with hashes, one licence, and no stray files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; .+)?$")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")
LOCKS = ["requirements.lock", "requirements-mcp.lock", "requirements-dev.lock"]


def entries(name: str) -> list[list[str]]:
    """Return the lock's requirements: the pin, then its hashes."""
    text = (ROOT / name).read_text()
    joined = text.replace(" \\\n    --hash", "\n --hash")
    return [
        [line.strip() for line in entry.strip().split("\n")]
        for entry in re.split(r"\n(?=\S)", joined)
    ]


def pins(name: str) -> dict[str, str]:
    """Return version by package name."""
    found = {}
    for pin, *_ in entries(name):
        match = PIN.match(pin)
        assert match, pin
        found[match[1]] = match[2]
    return found


def declared(*path: str) -> set[str]:
    """Return the package names in a list of pyproject.toml."""
    value = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for key in path:
        value = value[key]
    names = [re.split(r"[<>=~! ]", requirement)[0] for requirement in value]
    return {name.lower() for name in names}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_an_exact_pin_with_hashes(name: str) -> None:
    for pin, *hashes in entries(name):
        assert PIN.match(pin), pin
        assert hashes, pin
        assert all(HASH.match(item) for item in hashes), pin


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_and_no_option(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"^--|://|@ ", text, re.MULTILINE)


def test_every_dependency_is_locked() -> None:
    assert declared("project", "dependencies") <= set(pins("requirements.lock"))
    extras = declared("project", "optional-dependencies", "mcp")
    assert extras <= set(pins("requirements-mcp.lock"))
    groups = declared("dependency-groups", "dev")
    assert groups <= set(pins("requirements-dev.lock"))


def test_developers_have_what_users_have() -> None:
    dev = pins("requirements-dev.lock").items()
    assert pins("requirements.lock").items() <= dev
    assert pins("requirements-mcp.lock").items() <= dev


def test_an_extra_names_only_what_it_adds_to_what_everybody_has() -> None:
    more = pins("requirements-mcp.lock")
    assert more
    assert not more.keys() & pins("requirements.lock").keys()


def test_the_licence_is_mit_0_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT-0"
    assert (ROOT / "LICENSE").read_text().startswith("MIT No Attribution\n")


def test_the_workflow_runs_the_same_commands_as_at_home() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    at_home = re.findall(
        r"^make \S+$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE
    )
    assert at_home == ["make test", "make e2e"]
    assert re.findall(r"- run: (.+)", workflow) == at_home
    assert "permissions: {}" in workflow
