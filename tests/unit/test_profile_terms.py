"""What a profile may say beyond how to start: holds, ways back, room, symptoms."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from fakes.runs import a_task
from kimi_swarm.core.task import Permission, Recipe, task_from_dict, task_to_dict
from kimi_swarm.workers.profile import Profile, ProfileError
from unit.test_profile import profile_of, recipe_of, refusal

HELD = {
    "read": {"argv": ["--look"], "env": {"RULES": "none"}, "holds": "It only looks."},
    "edit": {"holds": "Nothing holds it."},
    "full": {"argv": ["--yes", "--all"], "holds": "It may do anything."},
}
WORDS = ["run", "{permission}", ["-m", "{model}"]]


def held() -> Profile:
    return profile_of(permissions=HELD, argv=WORDS)


@pytest.mark.parametrize(
    ("permission", "words", "rules"),
    [
        (Permission.READ, ("--look",), "none"),
        (Permission.EDIT, (), None),
        (Permission.FULL, ("--yes", "--all"), None),
    ],
)
def test_a_permission_becomes_the_words_and_values_of_its_worker(
    permission: Permission, words: tuple[str, ...], rules: str | None
):
    recipe = recipe_of(held(), permission=permission)
    assert recipe.argv == ("/bin/x", "run", *words)
    assert recipe.permission is permission
    assert recipe.env_set.get("RULES") == rules
    assert recipe.env_set["A"] == "1"


def test_editing_is_what_a_worker_may_do_by_default():
    assert recipe_of(held()).permission is Permission.EDIT
    assert recipe_of(profile_of()).permission is Permission.EDIT


def test_a_worker_that_nothing_is_known_to_hold_is_not_sent_reading():
    with pytest.raises(ProfileError, match="cannot be held to reading") as caught:
        recipe_of(profile_of(), permission=Permission.READ)
    assert "allow it to edit" in caught.value.remedy
    full = recipe_of(profile_of(), permission=Permission.FULL)
    assert full.permission is Permission.FULL


def test_what_holds_a_worker_is_told_in_a_sentence():
    assert held().holds(Permission.READ) == "It only looks."
    assert profile_of().holds(Permission.EDIT).startswith("Nothing holds it")
    assert profile_of().holds(Permission.FULL).startswith("It may do whatever")


def test_the_ways_back_into_a_conversation_reach_the_recipe():
    profile = profile_of(
        argv=WORDS,
        permissions=HELD,
        resume=["go-on", "{permission}", "--id={conversation}", ["-m", "{model}"]],
        attach=[["--join", "{conversation}"]],
        warm_up={"argv": ["models"], "limit_s": 7},
    )
    recipe = recipe_of(profile, permission=Permission.READ, model="m")
    assert recipe.resume_argv == (
        *("/bin/x", "go-on", "--look", "--id={conversation}", "-m", "m"),
    )
    assert recipe.attach_argv == ("/bin/x", "--join", "{conversation}")
    assert recipe.warm_up_argv == ("/bin/x", "models")
    assert recipe.warm_up_limit_s == 7.0


def test_the_last_conversation_can_be_gone_on_with_without_its_id():
    profile = profile_of(
        argv=WORDS,
        permissions=HELD,
        resume_last=["go-on", "{permission}", "--last", ["-m", "{model}"]],
    )
    recipe = recipe_of(profile, permission=Permission.READ)
    assert recipe.resume_last_argv == ("/bin/x", "go-on", "--look", "--last")
    assert stored(recipe) == recipe


def test_no_last_conversation_is_sought_where_that_could_lose_what_holds_a_worker():
    profile = profile_of(argv=WORDS, permissions=HELD, resume_last=["--last"])
    assert recipe_of(profile, permission=Permission.READ).resume_last_argv == ()
    edits = recipe_of(profile, permission=Permission.EDIT)
    assert edits.resume_last_argv == ("/bin/x", "--last")


def test_without_ways_back_there_are_none():
    recipe = recipe_of(profile_of())
    assert (recipe.resume_argv, recipe.attach_argv, recipe.warm_up_argv) == ((), (), ())
    assert recipe.resume_last_argv == ()
    assert (recipe.usage_files, recipe.usage_format) == ((), None)


def test_symptoms_terminals_and_deadlines_reach_the_recipe():
    profile = profile_of(
        errors=[
            {"pattern": "^no key", "class": "auth"},
            {"exit_code": 75, "class": "provider"},
        ],
        pty=True,
        prompt_via="file",
        argv=["{prompt_file}"],
        asks=r"\? $",
        silence_s=60,
        first_output_s=5.5,
        usage={"files": ["~/s/{conversation}"], "format": "kimi-wire"},
    )
    recipe = recipe_of(profile)
    assert recipe.errors == (("^no key", "auth"),)
    assert recipe.exit_errors == ((75, "provider"),)
    assert (recipe.pty, recipe.asks) == (True, r"\? $")
    assert (profile.first_output_s, profile.silence_s) == (5.5, 60.0)
    assert recipe.usage_files == ("~/s/{conversation}",)
    assert recipe.usage_format == "kimi-wire"


def test_state_is_isolated_only_where_a_folder_is_asked_for():
    profile = profile_of(isolate={"X_HOME": "{state}/x", "X_DATA": "{state}"})
    assert "X_HOME" not in recipe_of(profile).env_set
    values = recipe_of(profile, state="/s/1").env_set
    assert (values["X_HOME"], values["X_DATA"]) == ("/s/1/x", "/s/1")


def test_a_recipe_comes_back_from_the_store_with_all_that_is_new():
    profile = profile_of(
        argv=WORDS,
        permissions=HELD,
        resume=["{conversation}"],
        errors=[{"pattern": "x", "class": "auth"}, {"exit_code": 9, "class": "other"}],
        usage={"files": ["~/s/{conversation}"], "format": "kimi-wire"},
    )
    recipe = recipe_of(profile, permission=Permission.FULL)
    assert stored(recipe) == recipe
    assert type(stored(recipe).permission) is Permission


def test_a_recipe_of_an_older_version_gets_the_defaults_of_fields_it_lacks():
    recipe = recipe_of(profile_of())
    old = (
        *("profile", "argv", "prompt_via", "prompt_limit_bytes", "long_prompt"),
        *("env_set", "env_pass", "dialect", "merge_stderr", "ok_exit_codes"),
        *("grace_s", "max_parallel", "spacing_s"),
    )
    bare = Recipe(recipe.profile, recipe.argv, recipe.prompt_via)
    back = stored(recipe, keep=old)
    for field in sorted(Recipe.__dataclass_fields__.keys() - set(old)):
        assert getattr(back, field) == getattr(bare, field), field


def stored(recipe: Recipe, keep: tuple[str, ...] | None = None) -> Recipe:
    data: dict[str, Any] = task_to_dict(a_task("header"))
    fields = json.loads(json.dumps(asdict(recipe)))
    data["recipe"] = {k: v for k, v in fields.items() if keep is None or k in keep}
    return task_from_dict(data).recipe


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"permissions": {"reed": {"holds": "x"}}}, "permissions"),
        ({"permissions": {"read": {"holds": "x"}}}, "must tell of edit"),
        ({"permissions": {"edit": {"argv": ["-y"]}}}, "holds: is required"),
        (
            {"permissions": {"edit": {"argv": ["-y"], "holds": "x"}}},
            "{permission} belongs in argv when permissions have argv",
        ),
        ({"resume": ["go-on"]}, "{conversation} belongs in resume"),
        ({"attach": ["join"]}, "{conversation} belongs in attach"),
        ({"argv": ["{conversation}"]}, "{conversation} belongs in resume and attach"),
        (
            {"resume_last": ["{conversation}"]},
            "{conversation} belongs in resume and attach, not in resume_last",
        ),
        (
            {"argv": ["{prompt}"], "prompt_via": "argument", "resume_last": ["--last"]},
            "{prompt} belongs in resume_last when prompt_via is argument",
        ),
        ({"attach": ["{conversation}", "{prompt}"]}, "attach takes no prompt"),
        (
            {
                "argv": ["{prompt}"],
                "prompt_via": "argument",
                "resume": ["{conversation}"],
            },
            "{prompt} belongs in resume when prompt_via is argument",
        ),
        ({"warm_up": {"argv": []}}, "warm_up.argv: must have at least 1 item"),
        ({"isolate": {"X": "/x"}}, '"/x" must begin with {state}'),
        ({"errors": [{"class": "auth"}]}, "needs either a pattern or an exit_code"),
        ({"errors": [{"pattern": "(", "class": "auth"}]}, "is no pattern"),
        ({"errors": [{"pattern": "x", "class": "bad"}]}, "must be one of auth, quota"),
        ({"usage": {"files": ["s"], "format": "kimi-wire"}}, "must begin with /"),
        ({"usage": {"files": ["~/s"], "format": "kimi-wire"}}, "{conversation}"),
        (
            {"usage": {"files": ["~/{conversation}"], "format": "x"}},
            "must be one of kimi-wire, kimi-legacy-wire",
        ),
        ({"version": {"tested": "1 - 2"}}, 'range like "22.1 to 22.19" or none'),
        ({"start": {"cpu_s": 1}}, "start.memory_mib: is required"),
        ({"max_parallel_per": {"core": 0}}, "max_parallel_per.core: must be more than"),
        ({"silence_s": 0}, "silence_s: must be more than 0"),
        ({"dialect": "klingon"}, "dialect must be one of claude, codex"),
    ],
)
def test_terms_that_make_no_sense_are_refused(fields: dict[str, Any], sentence: str):
    told = refusal(**fields)
    assert told.startswith("profiles.kilo")
    assert sentence in told
