from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.budget import Act, Budget, Good
from kimi_swarm.core.needs import circle_in, order_of
from kimi_swarm.core.plan import Plan, PlanError, parse_plan
from kimi_swarm.core.plan_parts import Role
from kimi_swarm.core.task import Expect, WorkspaceMode, WorkspaceNeed

CONTRACT = {
    "name": "dashboard",
    "repo": ".",
    "base": "HEAD",
    "defaults": {
        "profile": "kilo",
        "workspace": "worktree",
        "timeout_s": 900,
        "retries": 1,
    },
    "limits": {
        "concurrency": 5,
        "spacing_s": 2,
        "wall_s": 3600,
        "tokens": 500000,
        "usd": 1.00,
    },
    "tasks": {
        "header": {"prompt": "Build the header component with a dark-mode toggle"},
        "sidebar": {
            "prompt_file": "prompts/sidebar.md",
            "profile": "kimi",
            "check": "npm test -- sidebar",
        },
        "probe": {
            "profile": "command",
            "argv": ["sh", "-c", "uname -a > uname.txt"],
            "workspace": "fresh",
        },
        "app": {
            "prompt": "Arrange all components in App.tsx",
            "needs": ["header", "sidebar"],
            "result": {"type": "object", "required": ["summary"]},
        },
    },
}


def plan_of(**fields: object) -> Plan:
    return parse_plan(fields, origin="plan.yaml")


def test_the_plan_of_the_contract_is_understood():
    plan = parse_plan(CONTRACT, origin="plan.yaml")
    app, probe = plan.effective("app"), plan.effective("probe")
    assert plan.order() == ("header", "sidebar", "probe", "app")
    assert (app.profile, app.timeout_s, app.retries) == ("kilo", 900.0, 1)
    assert (app.role, app.needs) == (Role.WORKER, ("header", "sidebar"))
    assert probe.workspace is not None
    assert probe.workspace.mode is WorkspaceMode.FRESH
    assert probe.argv == ("sh", "-c", "uname -a > uname.txt")


def test_a_plan_comes_back_from_its_own_json():
    plan = parse_plan(CONTRACT, origin="plan.yaml")
    data = plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert parse_plan(data, origin="again") == plan


def test_a_workspace_mapping_without_a_mode_means_worktree():
    spec = {"copy": [".env"], "setup": "npm ci", "ports": 2}
    task = plan_of(tasks={"a": {"prompt": "x", "workspace": spec}}).effective("a")
    assert task.workspace is not None
    assert task.workspace.need() == WorkspaceNeed(
        WorkspaceMode.WORKTREE, (".env",), "npm ci", 2
    )


def test_a_task_with_argv_is_a_command():
    plan = plan_of(defaults={"profile": "kimi"}, tasks={"a": {"argv": ["true"]}})
    assert plan.profile_of("a") == "command"


def test_the_default_model_goes_only_to_the_default_profile():
    plan = plan_of(
        defaults={"profile": "kimi", "model": "k"},
        tasks={
            "a": {"prompt": "x"},
            "b": {"prompt": "x", "profile": "kilo"},
            "c": {"prompt": "x", "model": "own"},
            "d": {"argv": ["true"]},
        },
    )
    assert [plan.effective(name).model for name in "abcd"] == ["k", None, "own", None]


@pytest.mark.parametrize(
    ("task", "by_profile", "expected"),
    [
        ({}, None, Expect.CHANGES),
        ({"workspace": "fresh"}, None, Expect.CHANGES),
        ({"workspace": "shared"}, None, Expect.ANSWER),
        ({"workspace": "none"}, None, Expect.ANSWER),
        ({}, Expect.EXIT, Expect.EXIT),
        ({"expect": "answer"}, Expect.EXIT, Expect.ANSWER),
    ],
)
def test_what_is_expected_is_as_written_then_by_profile_then_by_mode(
    task: dict[str, str], by_profile: Expect | None, expected: Expect
):
    plan = plan_of(tasks={"a": {"prompt": "x", **task}})
    assert plan.effective("a").expected(by_profile=by_profile) is expected


def test_another_profile_takes_every_task_but_commands_and_drops_models():
    plan = plan_of(
        defaults={"profile": "kimi", "model": "k"},
        tasks={
            "a": {"prompt": "x", "profile": "kilo", "model": "m"},
            "b": {"argv": ["true"]},
            "c": {"argv": ["true"], "profile": "command"},
            "d": {"prompt": "x"},
        },
    ).with_profile("demo")
    assert [plan.profile_of(n) for n in "abcd"] == [
        "demo",
        "command",
        "command",
        "demo",
    ]
    assert {plan.effective(name).model for name in "abcd"} == {None}


def test_prompts_cannot_be_given_to_commands():
    with pytest.raises(PlanError, match='"command" needs argv'):
        plan_of(tasks={"a": {"prompt": "x"}}).with_profile("command")


def test_limits_of_a_run_and_its_tasks_become_budgets():
    written = {
        "limits": {"usd": 1.5, "sessions": 3, "at_limit": "kill"},
        "tasks": {"a": {"prompt": "x", "limits": {"tokens": 9}}},
    }
    assert parse_plan(written, origin="x").budgets("calm-river") == (
        Budget("run/calm-river", Good.USD, 1.5, Act.KILL),
        Budget("run/calm-river", Good.SESSIONS, 3.0, Act.KILL),
        Budget("task/calm-river/a", Good.TOKENS, 9.0, Act.KILL),
    )


def test_five_thousand_tasks_in_one_chain_have_an_order():
    tasks = {
        f"t{i}": {"prompt": "x", "needs": [f"t{i - 1}"] if i else []}
        for i in reversed(range(5000))
    }
    assert plan_of(tasks=tasks).order()[:2] == ("t0", "t1")


@st.composite
def _graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    names = [f"t{i}" for i in range(draw(st.integers(1, 25)))]
    earlier = {
        name: tuple(draw(st.sets(st.sampled_from(names[:i])))) if i else ()
        for i, name in enumerate(names)
    }
    shuffled = draw(st.permutations(names))
    return {name: earlier[name] for name in shuffled}


@given(_graphs())
def test_the_order_holds_every_task_once_after_its_needs(
    graph: dict[str, tuple[str, ...]],
):
    order = order_of(graph)
    assert sorted(order) == sorted(graph)
    assert all(
        order.index(need) < order.index(name) for name in graph for need in graph[name]
    )
    assert circle_in(graph) == ()


@given(_graphs())
def test_the_order_changes_the_written_one_only_where_a_need_asks_for_it(
    graph: dict[str, tuple[str, ...]],
):
    written = list(graph)
    for before, after in pairwise(order_of(graph)):
        assert written.index(before) < written.index(after) or before in graph[after]


@given(_graphs(), st.data())
def test_a_need_turned_back_is_found_as_a_circle(
    graph: dict[str, tuple[str, ...]], data: st.DataObject
):
    name = data.draw(st.sampled_from(sorted(graph)))
    target = data.draw(st.sampled_from([name, *graph[name]]))
    circle = circle_in({**graph, target: (*graph[target], name)})
    assert circle
    assert circle[0] == circle[-1]
    assert name in circle
