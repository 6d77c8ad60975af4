from __future__ import annotations

from typing import Any

import pytest

from kimi_swarm.config import ManifestError, parse_manifest
from kimi_swarm.core.task import PromptVia, Recipe
from kimi_swarm.workers.profile import Profile, ProfileError
from kimi_swarm.workers.recipe import make_recipe

KILO_LIKE = {
    "summary": "One more kind of worker.",
    "kind": "cli",
    "program": "kilo",
    "argv": ["run", "--format", "json", ["-m", "{model}"]],
    "prompt_via": "stdin",
    "env": {"set": {"A": "1"}, "pass": ["KEY"]},
    "sends_to": "The prompt goes to the provider.",
}


def manifest_data(**profile: object) -> dict[str, Any]:
    return {
        "name": "kimi-swarm",
        "version": "0",
        "summary": "x",
        "preferred": ["kilo"],
        "profiles": {"kilo": {**KILO_LIKE, **profile}},
    }


def profile_of(**fields: object) -> Profile:
    return parse_manifest(manifest_data(**fields), origin="m").profile("kilo")


def refusal(**fields: object) -> str:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(manifest_data(**fields), origin="m.yaml")
    return str(caught.value).removeprefix("m.yaml: ")


def recipe_of(profile: Profile, **given: Any) -> Recipe:
    facts = {
        "program_argv": ("/bin/x",),
        "extra_path": None,
        "model": None,
        "argv": None,
    }
    return make_recipe(profile, **{**facts, **given})


def test_one_mapping_makes_a_new_kind_of_worker():
    recipe = recipe_of(profile_of(), model="a/b")
    assert recipe.profile == "kilo"
    assert recipe.argv == ("/bin/x", "run", "--format", "json", "-m", "a/b")
    assert recipe.prompt_via is PromptVia.STDIN
    assert recipe.env_set == {"A": "1"}
    assert {"PATH", "HOME", "HTTPS_PROXY", "KEY"} <= set(recipe.env_pass)


def test_without_a_model_its_flag_is_left_out_too():
    assert recipe_of(profile_of()).argv == ("/bin/x", "run", "--format", "json")


def test_a_single_word_that_mentions_the_model_is_left_out():
    profile = profile_of(argv=["--model={model}", "go"])
    assert recipe_of(profile).argv == ("/bin/x", "go")
    assert recipe_of(profile, model="m").argv == ("/bin/x", "--model=m", "go")


def test_a_model_for_a_worker_that_takes_none_is_refused():
    with pytest.raises(ProfileError, match='takes no model, but "m" is asked for'):
        recipe_of(profile_of(argv=["run"]), model="m")


def test_an_extra_path_becomes_the_workers_path():
    assert recipe_of(profile_of(), extra_path="/x:/y").env_set["PATH"] == "/x:/y"


def test_a_command_takes_its_words_from_the_task_untouched():
    profile = profile_of(kind="command", program=None, argv=[], prompt_via="none")
    argv = ("sh", "-c", "echo {model} {prompt}")
    recipe = recipe_of(profile, program_argv=("/bin/sh",), argv=argv)
    assert recipe.argv == ("/bin/sh", "-c", "echo {model} {prompt}")


def test_argv_for_a_worker_that_takes_prompts_is_refused():
    with pytest.raises(ProfileError, match="takes a prompt, not argv"):
        recipe_of(profile_of(), argv=("x",))


def test_a_command_without_argv_is_refused():
    profile = profile_of(kind="command", program=None, argv=[], prompt_via="none")
    with pytest.raises(ProfileError, match="needs argv"):
        recipe_of(profile)


def test_a_profiles_limits_reach_the_recipe():
    recipe = recipe_of(profile_of(max_parallel=3, spacing_s=1, ok_exit_codes=[0, 3]))
    assert (recipe.max_parallel, recipe.spacing_s) == (3, 1.0)
    assert recipe.ok_exit_codes == (0, 3)


def test_the_install_line_tells_what_is_needed_beside_it():
    profile = profile_of(
        install="npm i x", interpreter={"name": "node", "at_least": "22.19"}
    )
    assert profile.install_line == "npm i x (needs node 22.19 or newer)"
    assert profile_of(install="npm i x").install_line == "npm i x"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"programs": "x"}, 'programs: unknown field; did you mean "program"?'),
        ({"kind": "cly"}, "kind: must be one of demo, cli, command"),
        ({"program": None}, "a program belongs to every kind but command"),
        ({"kind": "command"}, "a program belongs to every kind but command"),
        ({"prompt_via": "argument"}, "{prompt} belongs in argv"),
        ({"argv": ["{prompt}"]}, "{prompt} belongs in argv when prompt_via"),
        ({"prompt_via": "file"}, "{prompt_file} belongs in argv"),
        ({"long_prompt": "read it"}, "long_prompt must name {prompt_file}"),
        ({"env": {"sett": {}}}, 'env.sett: unknown field; did you mean "set"?'),
        ({"env": {"pass": ["A=B"]}}, 'env.pass[0]: "A=B" is no name of a variable'),
        ({"env": {"set": {"A": 1}}}, "env.set.A: must be text, not the number 1"),
        ({"version": {"pattern": "("}}, 'version.pattern: "(" is no pattern'),
        ({"version": {"pattern": "x"}}, "must have exactly one group"),
        ({"version": {"tested": "two"}}, '"two" is no version like 22.19'),
        (
            {"merge_stderr": "yes"},
            'merge_stderr: must be true or false, not the text "yes"',
        ),
        ({"ok_exit_codes": []}, "ok_exit_codes: must have at least 1 item"),
        ({"sends_to": ""}, "sends_to: is empty"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(
    fields: dict[str, object], sentence: str
):
    told = refusal(**fields)
    assert told.startswith("profiles.kilo")
    assert sentence in told
