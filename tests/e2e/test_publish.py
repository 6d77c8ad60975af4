"""Published, installed, used and updated with the real programs, on loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import real_programs
from e2e.marketplace import (
    COMMIT,
    Marketplace,
    for_openclaw,
    names_of,
    put_version,
    reference,
    words_for,
)
from e2e.openclaw_host import OpenClaw
from e2e.swarm_cli import BASE_PYTHON, Swarm
from fakes.skill_folder import digests
from fakes.skill_registry import SkillRegistry
from publishing import parcel, plugin, release

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ODD = "Übung süß 文件 'q' \"d\" $x"
"""A folder's name that nobody who quotes carelessly survives."""
ADDED = {"_meta.json", ".clawhub/origin.json"}
NO_MODEL = "http://127.0.0.1:9/v1"


@pytest.fixture
def registry() -> Iterator[SkillRegistry]:
    with SkillRegistry() as served:
        yield served


@pytest.fixture
def laid(tree: Path, tmp_path: Path) -> Path:
    """What is published, in a folder of the skill's name."""
    return parcel.copy(tree, tmp_path / "laid" / "kimi-swarm")


@pytest.fixture
def user(swarm: Swarm, commands: Path, registry: SkillRegistry) -> Marketplace:
    """A user of the marketplace whose folders are all named as nobody should."""
    return Marketplace(swarm.room / ODD, commands, registry.url, swarm.env)


def test_the_validator_of_skills_finds_nothing(laid: Path) -> None:
    cache = real_programs.cache_folder()
    there = real_programs.install_python_program("agentskills", cache, BASE_PYTHON)

    words = [str(there / "agentskills"), "validate", str(laid)]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done


def test_the_marketplaces_program_takes_exactly_what_the_rules_say(
    tree: Path, user: Marketplace, registry: SkillRegistry
) -> None:
    names = parcel.published(tree)

    # From the whole tree: it has its own reading of the ignore files.
    dry = user.publish([*words_for(tree), "--dry-run"])
    assert (dry["status"], dry["fileCount"]) == ("would-publish", len(names))
    assert registry.releases == {}
    done = user.publish(words_for(tree))

    assert (done["version"], done["slug"]) == ("0.1.0", "kimi-swarm")
    (published,) = registry.releases["kimi-swarm"]
    assert sorted(published.files) == names
    for name, data in published.files.items():
        assert data == (tree / name).read_bytes(), name
    assert len(published.packed()) < parcel.DOWNLOAD_LIMIT_BYTES
    said = published.said
    assert said["categories"] == ["development", "agents"]
    assert sorted(said["topics"]) == sorted(release.TOPICS)
    assert said["source"]["commit"] == COMMIT


def test_it_is_installed_used_and_updated_without_force_even_during_a_run(
    laid: Path, user: Marketplace, registry: SkillRegistry, swarm: Swarm, tmp_path: Path
) -> None:
    user.publish(words_for(laid))
    user.install()
    installed = user.installed
    assert names_of(installed) == {*parcel.published(laid), *ADDED}
    before = digests(installed)
    mine = Swarm(installed, swarm.room, at_odd_places(swarm, tmp_path / ODD))

    take_the_tour(mine, installed)
    gate = tmp_path / ODD / "gate"
    run = mine.spawn(gated_plan(tmp_path / ODD, gate))
    assert digests(installed) == before, "something was written into the skill"
    put_version(laid, "0.1.1")
    user.publish(words_for(laid, "0.1.1"))
    told = user.update()
    assert "0.1.1" in told, told
    assert "--force" not in told, told

    assert mine.call("--version").out == "kimi-swarm 0.1.1\n"
    assert mine.sessions(run)["held"]["state"] == "running"
    gate.touch()
    assert mine.ended(run)["held"]["outcome"] == "succeeded"
    take_the_tour(mine, installed)
    assert "up to date" in user.update()
    assert mine.end() == [], "processes outlived the run"
    assert mine.complaints() == ""


def at_odd_places(swarm: Swarm, room: Path) -> dict[str, str]:
    """Return a user's variables with every folder of theirs below an odd one."""
    places = {"HOME": "home", "KIMI_SWARM_HOME": "state", "TMPDIR": "tmp"}
    folders = {name: room / folder for name, folder in places.items()}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return {**swarm.env, **{name: str(at) for name, at in folders.items()}}


def take_the_tour(user: Swarm, installed: Path) -> None:
    done = user.call("run", installed / "examples" / "tour.yaml")
    run = user.ask("list")["runs"][0]["run"]
    outcomes = {one["outcome"] for one in user.sessions(run).values()}
    assert outcomes == {"succeeded"}
    assert f"Merged 5 branches on `swarm/{run}/merged`" in done.out


def gated_plan(room: Path, gate: Path) -> Path:
    """Write a plan of one task that works until its gate is there."""
    script = 'until [ -e "$0" ]; do sleep 0.05; done; echo done > done.txt'
    argv = ["sh", "-c", script, str(gate)]
    task = {"profile": "command", "argv": argv, "workspace": "fresh"}
    plan = room / "ein plan.yaml"
    plan.write_text(json.dumps({"tasks": {"held": task}}), "utf-8")
    return plan


@pytest.fixture
def host(swarm: Swarm, commands: Path, registry: SkillRegistry) -> OpenClaw:
    env = {**swarm.env, **for_openclaw(registry.url)}
    return OpenClaw(swarm.room / ODD / "host", commands, NO_MODEL, env)


def test_openclaw_installs_it_from_the_registry_and_updates_it_after_use(
    host: OpenClaw, laid: Path, user: Marketplace, swarm: Swarm
) -> None:
    user.publish(words_for(laid))

    host.call("skills", "install", reference())

    listed = host.skill("kimi-swarm")
    assert (listed["eligible"], listed["modelVisible"]) == (True, True), listed
    installed = host.workspace / "skills" / "kimi-swarm"
    assert names_of(installed) >= set(parcel.published(laid))
    before = digests(installed)
    mine = Swarm(installed, swarm.room, swarm.env)
    take_the_tour(mine, installed)
    assert digests(installed) == before, "something was written into the skill"

    put_version(laid, "0.1.1")
    user.publish(words_for(laid, "0.1.1"))
    host.call("skills", "update", reference())
    assert mine.call("--version").out == "kimi-swarm 0.1.1\n"


def test_openclaw_takes_the_bundle_as_a_plugin_with_skill_and_server(
    host: OpenClaw, tree: Path, tmp_path: Path
) -> None:
    bundle = plugin.build(tree, tmp_path / "dist")

    host.call("plugins", "install", bundle, "--force", "--accept-capabilities")

    told = json.loads(host.call("plugins", "inspect", "kimi-swarm", "--json"))
    assert told["plugin"]["status"] == "loaded"
    assert told["bundleCapabilities"] == ["skills", "mcpServers"]
    assert told["mcpServers"] == [{"name": "kimi-swarm", "hasStdioTransport": True}]
    assert told["diagnostics"] == []
    listed = host.skill("kimi-swarm")
    assert (listed["eligible"], listed["modelVisible"]) == (True, True), listed
