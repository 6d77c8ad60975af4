from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

import kimi_swarm
from kimi_swarm import bundle
from kimi_swarm.bundle import BundleMissingError, code_folder
from kimi_swarm.config import (
    ManifestError,
    UnknownProfileError,
    bundle_root,
    load_manifest,
    parse_manifest,
)
from kimi_swarm.core.task import Expect, PromptVia
from kimi_swarm.location import config_home
from kimi_swarm.workers.recipe import make_recipe

ROOT = Path(__file__).parents[2]


def test_the_manifest_agrees_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    manifest = load_manifest()
    assert manifest.name == project["name"]
    assert manifest.version == project["version"] == kimi_swarm.__version__
    assert manifest.summary == project["description"]


def test_the_source_tree_is_found_before_the_bundle():
    assert bundle_root() == ROOT


def test_an_installed_package_finds_its_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bundle, "_PACKAGE", tmp_path / "kimi_swarm")
    with pytest.raises(BundleMissingError, match=r"manifest\.yaml is missing"):
        bundle_root()
    folder = tmp_path / "kimi_swarm" / "_bundle"
    folder.mkdir(parents=True)
    (folder / "manifest.yaml").touch()
    assert bundle_root() == folder


def test_every_profile_says_what_leaves_the_machine():
    for profile in load_manifest().profiles.values():
        assert profile.sends_to.endswith(".")
        assert profile.summary.endswith(".")


def test_a_plan_that_says_nothing_gets_a_preferred_profile_and_five_workers():
    manifest = load_manifest()
    assert set(manifest.preferred) <= set(manifest.profiles)
    assert "demo" not in manifest.preferred
    assert manifest.limits.concurrency == 5


def test_the_demo_worker_runs_on_this_interpreter_and_this_code():
    demo = load_manifest().profile("demo")
    assert demo.program == sys.executable
    assert demo.env.values["PYTHONPATH"] == str(code_folder())
    recipe = make_recipe(
        demo, program_argv=("/py",), extra_path=None, model=None, argv=None
    )
    assert recipe.argv == ("/py", "-P", "-m", "kimi_swarm.workers.demo")
    assert (recipe.dialect, recipe.merge_stderr) == ("swarm", False)


def test_a_command_is_judged_by_its_exit_code():
    command = load_manifest().profile("command")
    assert command.expect is Expect.EXIT
    assert command.prompt_via is PromptVia.NONE
    assert command.merge_stderr


def test_kimi_gets_its_prompt_as_an_argument_that_fits():
    kimi = load_manifest().profile("kimi")
    recipe = make_recipe(
        kimi, program_argv=("/node", "/kimi"), extra_path=None, model="k3", argv=None
    )
    assert recipe.argv == (
        *("/node", "/kimi", "--output-format", "stream-json"),
        *("-m", "k3", "-p", "{prompt}"),
    )
    assert recipe.prompt_limit_bytes < 128 * 1024
    assert recipe.long_prompt == kimi.long_prompt
    assert recipe.env_set["KIMI_LOOP_MAX_ATTEMPTS_PER_STEP"] == "4"
    assert "KIMI_MODEL_API_KEY" in recipe.env_pass
    assert "KIMI_MODEL_API_KEY" not in recipe.env_set
    assert kimi.install_line == (
        "npm install -g @moonshot-ai/kimi-code (needs node 22.19 or newer)"
    )


def test_an_unknown_profile_is_refused_with_what_was_meant():
    with pytest.raises(UnknownProfileError) as caught:
        load_manifest().profile("kimmi")
    assert str(caught.value) == ('There is no profile "kimmi"; did you mean "kimi"?')
    assert caught.value.remedy == (
        "Profiles are: demo, command, kilo, kimi, kimi-legacy, claude, codex, gemini, "
        "qwen, opencode."
    )


@pytest.mark.parametrize("data", [None, [], {"name": "x"}, {"profiles": 3}])
def test_data_that_is_no_manifest_is_refused(data: object):
    with pytest.raises(ManifestError, match=r"^m\.yaml:"):
        parse_manifest(data, origin="m.yaml")


def test_a_preferred_profile_that_is_none_is_refused():
    data = {
        "name": "x",
        "version": "1",
        "summary": "x",
        "preferred": ["gone"],
        "profiles": {},
    }
    with pytest.raises(ManifestError, match="preferred: gone is no profile"):
        parse_manifest(data, origin="m.yaml")


def test_the_users_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    assert config_home() == "/c/kimi-swarm"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setattr(sys, "platform", "linux")
    assert config_home() == "/h/.config/kimi-swarm"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert config_home() == "/h/Library/Application Support/kimi-swarm"
