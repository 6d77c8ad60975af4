"""What the manifest says of each worker, where a slip would cost work or secrets."""

from __future__ import annotations

import json

import pytest

from kimi_swarm.config import load_manifest
from kimi_swarm.core.task import Permission, PromptVia, Recipe
from kimi_swarm.workers.profile import Kind, Profile
from kimi_swarm.workers.recipe import make_recipe

WORKERS = [one for one in load_manifest().profiles.values() if one.kind is Kind.CLI]
DOCUMENTED = {"claude", "codex", "gemini", "qwen", "opencode"}
each_worker = pytest.mark.parametrize("worker", WORKERS, ids=lambda one: one.name)


def recipe_of(
    worker: str | Profile, permission: Permission = Permission.EDIT
) -> Recipe:
    profile = load_manifest().profile(worker) if isinstance(worker, str) else worker
    return make_recipe(
        profile,
        program_argv=("/bin/it",),
        extra_path=None,
        model="m",
        argv=None,
        permission=permission,
    )


@each_worker
def test_every_worker_says_what_holds_it_and_how_to_come_back(worker: Profile):
    assert {Permission.EDIT, Permission.FULL} <= worker.permissions.keys()
    for hold in worker.permissions.values():
        assert hold.holds.endswith(".")
        assert "\n" not in hold.holds
    recipe = recipe_of(worker)
    for line in (recipe.resume_argv, recipe.attach_argv):
        assert sum("{conversation}" in word for word in line) == 1
    assert ("{prompt}" in recipe.resume_argv) is (
        recipe.prompt_via is PromptVia.ARGUMENT
    )


@each_worker
def test_what_was_never_run_says_so(worker: Profile):
    assert worker.version is not None
    is_untested = worker.version.tested == "none"
    assert is_untested is (worker.name in DOCUMENTED)
    assert ("(untested)" in worker.summary) is is_untested


@each_worker
def test_rules_that_are_handed_over_as_json_are_json(worker: Profile):
    for hold in worker.permissions.values():
        for name, value in hold.values.items():
            assert name.endswith("_PERMISSION")
            assert set(json.loads(value)) >= {"question"}
            assert name not in worker.env.passed


@each_worker
def test_keys_are_passed_on_and_never_written_down(worker: Profile):
    words = ("KEY", "TOKEN", "SECRET")
    assert not [name for name in worker.env.values if any(w in name for w in words)]
    for permission in worker.permissions:
        recipe = recipe_of(worker, permission)
        told = (*recipe.argv, *recipe.resume_argv, *recipe.attach_argv)
        assert not [word for word in told if "$" in word or "KEY" in word]


def test_kilo_is_started_as_the_real_one_was_tried():
    recipe = recipe_of("kilo")
    assert recipe.argv == (
        *("/bin/it", "run", "--auto", "--format", "json"),
        *("--title", "kimi-swarm", "-m", "m"),
    )
    assert recipe.prompt_via is PromptVia.STDIN
    assert recipe.warm_up_argv == ("/bin/it", "models")
    assert recipe.env_set["KILO_SESSION_RETRY_LIMIT"] == "5"
    assert recipe.env_set["KILO_TELEMETRY_LEVEL"] == "off"
    assert "KILO_API_KEY" in recipe.env_pass
    rules = json.loads(recipe.env_set["KILO_PERMISSION"])
    assert rules["external_directory"] == "deny"


def test_kilo_that_only_reads_has_no_tool_that_changes_anything():
    recipe = recipe_of("kilo", Permission.READ)
    rules = json.loads(recipe.env_set["KILO_PERMISSION"])
    denied = {name for name, rule in rules.items() if rule == "deny"}
    assert {"edit", "bash", "background_process", "task", "webfetch"} <= denied
    assert "--auto" not in (*recipe.argv, *recipe.resume_argv)


def test_only_who_can_safely_seeks_a_conversation_without_an_id():
    by_name = {
        name: recipe_of(name).resume_last_argv
        for name in ("kilo", "kimi", "kimi-legacy")
    }
    assert by_name == {
        "kilo": (),  # it tells the id with each event
        "kimi": (
            *("/bin/it", "--output-format", "stream-json", "-m", "m"),
            *("--continue", "-p", "{prompt}"),
        ),
        "kimi-legacy": (),
    }
    # It might begin anew, and then without the agent that only reads.
    assert recipe_of("kimi", Permission.READ).resume_last_argv == ()


def test_kimi_code_reads_with_an_agent_that_only_a_new_conversation_is_told():
    recipe = recipe_of("kimi", Permission.READ)
    assert recipe.argv[3:5] == ("--agent", "plan")
    assert "--agent" not in recipe.resume_argv
    assert recipe.usage_format == "kimi-wire"


def test_kimi_cli_goes_by_the_name_that_is_its_own():
    profile = load_manifest().profile("kimi-legacy")
    assert (profile.program, profile.also_named) == ("kimi-cli", ("kimi",))
    recipe = recipe_of("kimi-legacy")
    assert recipe.argv == (
        *("/bin/it", "--print", "--output-format", "stream-json", "-m", "m"),
    )
    assert recipe.exit_errors == ((75, "provider"),)
    assert int(recipe.env_set["COLUMNS"]) > 1000  # one line for each of its errors
