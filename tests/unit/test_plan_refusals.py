from __future__ import annotations

import math

import pytest

from kimi_swarm.core.plan import PlanError, parse_plan


def refusal(data: object) -> str:
    with pytest.raises(PlanError) as caught:
        parse_plan(data, origin="p.yaml")
    assert (caught.value.code, caught.value.exit_code) == ("plan", 2)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("p.yaml: ")


def task_refusal(**fields: object) -> str:
    return refusal({"tasks": {"a": fields}})


def test_an_unknown_need_is_refused_with_its_path_and_what_was_meant():
    tasks = {
        "sidebar": {"prompt": "x"},
        "header": {"prompt": "x", "needs": ["sidebar", "sidbar"]},
    }
    assert refusal({"tasks": tasks}) == (
        'tasks.header.needs[1]: unknown task "sidbar"; did you mean "sidebar"?'
    )


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({"a": ["b"], "b": ["a"]}, "a -> b -> a"),
        ({"a": ["a"]}, "a -> a"),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "a -> b -> c -> a"),
    ],
)
def test_a_cycle_is_refused_with_its_path(needs: dict[str, list[str]], circle: str):
    tasks = {name: {"prompt": "x", "needs": need} for name, need in needs.items()}
    assert refusal({"tasks": tasks}) == (
        f"tasks.a.needs: tasks need each other in a circle: {circle}"
    )


def test_a_very_long_cycle_is_named_in_part():
    tasks = {f"t{i}": {"prompt": "x", "needs": [f"t{(i + 1) % 99}"]} for i in range(99)}
    sentence = refusal({"tasks": tasks})
    assert "(80 more) -> t0" in sentence
    assert len(sentence) < 400


def test_a_need_named_twice_is_refused():
    tasks = {"a": {"prompt": "x"}, "b": {"prompt": "x", "needs": ["a", "a"]}}
    assert refusal({"tasks": tasks}) == 'tasks.b.needs[1]: "a" is named twice'


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"taskz": {}}, 'taskz: unknown field; did you mean "tasks"? (and 1 more)'),
        (
            {"tasks": {"a": {"promptt": "x"}}},
            'tasks.a.promptt: unknown field; did you mean "prompt"?',
        ),
        (
            {"tasks": {"needs": {"prompt": "x", "workspace": {"cop": []}}}},
            'tasks.needs.workspace.cop: unknown field; did you mean "copy"?',
        ),
        (
            {"tasks": {"workspace": {"timeout": 1, "prompt": "x"}}},
            'tasks.workspace.timeout: unknown field; did you mean "timeout_s"?',
        ),
        (
            {"tasks": {"a": {"prompt": "x"}}, "limits": {"zzz": 1}},
            (
                "limits.zzz: unknown field; "
                "known are tokens, usd, requests, concurrency, spacing_s, wall_s, "
                "sessions, at_limit"
            ),
        ),
    ],
)
def test_an_unknown_field_is_refused_with_what_was_meant(data: object, sentence: str):
    assert refusal(data) == sentence


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "the plan is empty"),
        ([], "must be a mapping, not a list"),
        ("hello", 'must be a mapping, not the text "hello"'),
        ({}, "tasks: is required"),
        ({"tasks": {}}, "tasks: must have at least 1 item"),
        ({"tasks": []}, "tasks: must be a mapping, not a list"),
        ({"tasks": {"a": None}}, "tasks.a: must be a mapping, not nothing"),
        (
            {"tasks": {1: {"prompt": "x"}}},
            'tasks: "1" must be text, not the number 1',
        ),
    ],
)
def test_data_that_is_no_plan_is_refused(data: object, sentence: str):
    assert refusal(data) == sentence


def test_more_than_five_thousand_tasks_are_refused():
    tasks = {f"t{i}": {"prompt": "x"} for i in range(5001)}
    assert refusal({"tasks": tasks}) == "tasks: must have at most 5000 items"


def test_thousands_of_unknown_needs_cost_one_search_only():
    tasks = {f"task{i}": {"prompt": "x", "needs": [f"tusk{i}"]} for i in range(5000)}
    assert "(and 4999 more)" in refusal({"tasks": tasks})


@pytest.mark.parametrize(
    "name",
    ["", "Bad", "a b", "-a", "a/b", "é", "a" * 42, "a\n", "..", "a.b", "\x1b[2J"],
)
def test_a_name_that_no_branch_should_have_is_refused(name: str):
    sentence = refusal({"tasks": {name: {"prompt": "x"}}})
    assert "is no task name: use at most 41 small letters" in sentence
    assert "\x1b" not in sentence


def test_the_name_of_the_merged_branch_is_kept():
    sentence = refusal({"tasks": {"merged": {"prompt": "x"}}})
    assert sentence.startswith('tasks: "merged" is kept for the merged result')


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "tasks.a: give exactly one of prompt, prompt_file and argv"),
        (
            {"prompt": "x", "argv": ["true"]},
            "tasks.a: give exactly one of prompt, prompt_file and argv",
        ),
        (
            {"argv": ["true"], "profile": "kimi"},
            'tasks.a.argv: only profile "command" runs it, not "kimi"',
        ),
        (
            {"prompt": "x", "profile": "command"},
            'tasks.a: profile "command" needs argv, not a prompt',
        ),
        ({"prompt": " \n"}, "tasks.a.prompt: is empty"),
        ({"prompt": "a\0"}, "tasks.a.prompt: must not hold a zero byte"),
        ({"prompt": "\ud800"}, "tasks.a.prompt: is not valid Unicode text"),
        ({"prompt": 5}, "tasks.a.prompt: must be text, not the number 5"),
        (
            {"prompt": "x" * 1_000_001},
            "tasks.a.prompt: must have at most 1000000 characters",
        ),
        ({"argv": "ls"}, 'tasks.a.argv: must be a list, not the text "ls"'),
        ({"argv": []}, "tasks.a.argv: must begin with the name of a program"),
        ({"argv": ["ls", 1]}, "tasks.a.argv[1]: must be text, not the number 1"),
        ({"argv": ["l\0s"]}, "tasks.a.argv[0]: must not hold a zero byte"),
    ],
)
def test_a_task_has_exactly_one_source_of_work(
    fields: dict[str, object], sentence: str
):
    assert task_refusal(**fields) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"timeout_s": 0}, "timeout_s: must be more than 0"),
        ({"timeout_s": 604_801}, "timeout_s: must be at most 604800"),
        ({"timeout_s": math.nan}, "timeout_s: must be a finite number"),
        ({"timeout_s": "60"}, 'timeout_s: must be a number, not the text "60"'),
        ({"timeout_s": True}, "timeout_s: must be a number, not true"),
        ({"retries": -1}, "retries: must be at least 0"),
        ({"retries": 1.5}, "retries: must be a whole number, not the number 1.5"),
        ({"needs": "b"}, 'needs: must be a list, not the text "b"'),
        ({"result": [1]}, "result: must be a mapping, not a list"),
        ({"model": "a\x1bb"}, "model: must be one line without control characters"),
        (
            {"role": "assemblr"},
            (
                "role: must be one of worker, assembler, synthesiser, planner, "
                'reviewer, judge, none, not the text "assemblr"; '
                'did you mean "assembler"?'
            ),
        ),
        (
            {"workspace": "worktre"},
            (
                "workspace.mode: must be one of worktree, fresh, shared, none, "
                'not the text "worktre"; did you mean "worktree"?'
            ),
        ),
        (
            {"workspace": {"copy": ["../secret"]}},
            'workspace.copy[0]: "../secret" must be a path inside the repository',
        ),
        (
            {"workspace": {"copy": ["/etc/x"]}},
            'workspace.copy[0]: "/etc/x" must be a path inside the repository',
        ),
        ({"workspace": {"ports": 65}}, "workspace.ports: must be at most 64"),
        (
            {"workspace": {"mode": "shared", "setup": "make"}},
            (
                "workspace: copy and setup have no place in mode shared; "
                "use worktree or fresh"
            ),
        ),
        (
            {"workspace": "none", "expect": "changes"},
            "expect: nothing is committed in mode none, so changes cannot be expected",
        ),
    ],
)
def test_a_field_out_of_bounds_is_refused(fields: dict[str, object], sentence: str):
    assert task_refusal(prompt="x", **fields) == f"tasks.a.{sentence}"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"limits": {"concurrency": 0}}, "limits.concurrency: must be at least 1"),
        ({"limits": {"concurrency": 1001}}, "limits.concurrency: must be at most 1000"),
        ({"limits": {"spacing_s": -1}}, "limits.spacing_s: must be at least 0"),
        ({"limits": {"wall_s": 1e99}}, "limits.wall_s: must be at most 2592000"),
        ({"limits": {"tokens": 0}}, "limits.tokens: must be at least 1"),
        ({"limits": {"usd": math.inf}}, "limits.usd: must be a finite number"),
        ({"base": "--help"}, 'base: "--help" is no commit, branch or tag'),
        (
            {"base": "main", "repo": "new"},
            "base: a new repository has no commit to start from; drop it",
        ),
        ({"name": "x" * 81}, "name: must have at most 80 characters"),
        ({"repo": ""}, "repo: is empty"),
    ],
)
def test_a_plan_out_of_bounds_is_refused(fields: dict[str, object], sentence: str):
    assert refusal({"tasks": {"a": {"prompt": "x"}}, **fields}) == sentence


def test_the_number_of_further_problems_is_told():
    tasks = {"a": {"prompt": "", "timeout_s": 0}, "b": {"prompt": 1}}
    assert refusal({"tasks": tasks}) == "tasks.a.prompt: is empty (and 2 more)"
