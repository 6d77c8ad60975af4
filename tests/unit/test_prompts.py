from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_swarm.bundle import bundle_root
from kimi_swarm.core.items import Given
from kimi_swarm.core.plan import Plan, PlanError, parse_plan
from kimi_swarm.core.plan_parts import Role
from kimi_swarm.core.strategy import ParameterError, Strategy, StrategyError
from kimi_swarm.core.task import Expect, WorkspaceMode
from kimi_swarm.prompts import render_role
from kimi_swarm.strategies import UnknownStrategyError, strategies_at
from kimi_swarm.strict_yaml import load_yaml, read_yaml
from kimi_swarm.templates import TemplateFaultError
from kimi_swarm.workers.demo import orders

NEEDED = {
    "component-split": {"goal": "a site", "components": "header, footer"},
    "layer-split": {"goal": "a shop"},
    "panel": {"question": "Buy?"},
    "research": {"question": "Which one?"},
}
ODD = (
    "quotes \" and ' and `ticks`",
    "lines\nand: colons\n  - {braces} [x] #no",
    "{{ 7 * 7 }} {% for x in y %} {# c #}",
    "--- \n...\n&a *a !!set | > %",
    "\ttab\x85next\u2028line \U0001f600 日本語",
    "yes",
    "null",
    "12",
    "merged",
    "assemble",
    "report",
)


SHELF = strategies_at(bundle_root())


def render_strategy(name: str, values: dict[str, str]) -> str:
    given = {key: Given(value) for key, value in values.items()}
    return SHELF.take(name).render(given)


def load_strategy(name: str) -> Strategy:
    return SHELF.take(name).header()


def plan_from(name: str, values: dict[str, str]) -> Plan:
    text = render_strategy(name, {**NEEDED[name], **values})
    return parse_plan(load_yaml(text, origin=name), origin=name)


def refusal(name: str, values: dict[str, str]) -> str:
    with pytest.raises(ParameterError) as caught:
        render_strategy(name, values)
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f'Strategy "{name}": ')


def shipped() -> list[str]:
    return list(SHELF.found)


def test_the_shipped_strategies_are_listed_with_what_they_take():
    assert {*NEEDED, "ab", "map", "review-implement"} <= set(shipped())
    split = load_strategy("component-split")
    assert [p.name for p in split.parameters if p.required] == ["goal", "components"]
    assert split.summary.startswith("One worker for each component")


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_strategy_renders_to_a_plan_from_what_is_required(name: str):
    plan = plan_from(name, {})
    assert plan.order()[-1] in {"assemble", "decision", "report"}


def test_components_are_built_at_once_between_a_scaffold_and_an_assembler():
    plan = plan_from(
        "component-split",
        {"scaffold": "Vite", "check": "make\ntest", "profile": "demo", "repo": "new"},
    )
    assert {name: task.needs for name, task in plan.tasks.items()} == {
        "scaffold": (),
        "header": ("scaffold",),
        "footer": ("scaffold",),
        "assemble": ("header", "footer"),
    }
    last = plan.tasks["assemble"]
    assert (last.role, last.check) == (Role.ASSEMBLER, "make\ntest")
    assert (plan.defaults.profile, plan.repo) == ("demo", "new")


def needs_of(plan: Plan) -> dict[str, set[str]]:
    return {name: set(task.needs) for name, task in plan.tasks.items()}


def test_layers_wait_for_the_contract_and_for_what_they_build_on():
    plan = plan_from("layer-split", {"check": "make"})
    four = {"contract", "database", "api", "front-end", "tests"}
    assert needs_of(plan) == {
        "contract": set(),
        "database": {"contract"},
        "api": {"contract", "database"},
        "front-end": {"contract"},
        "tests": {"contract", "api", "front-end"},
        "docs": four,
        "assemble": {*four, "docs"},
    }
    last = plan.tasks["assemble"]
    assert (last.role, last.check) == (Role.ASSEMBLER, "make")
    for name, task in plan.tasks.items():
        (order,) = orders(task.prompt or "")
        assert ("CONTRACT.md" in order.sources) is (name != "contract")


def test_a_layer_of_another_name_waits_for_what_it_is_told_to():
    values = {"layers": "UI, worker queue, Storage", "assemble": "no"}
    alone = needs_of(plan_from("layer-split", values))
    assert alone["worker-queue"] == {"contract"}
    more = {"needs": '{"worker queue": ["Storage"], "UI": ["worker queue"]}'}
    told = needs_of(plan_from("layer-split", values | more))
    assert told["worker-queue"] == {"contract", "storage"}
    assert told["ui"] == {"contract", "worker-queue"}


@pytest.mark.parametrize(
    ("name", "values", "fact"),
    [
        ("layer-split", {"needs": '{"API": ["cache"]}'}, 'needs names "cache"'),
        ("layer-split", {"needs": '{"API": "database"}'}, "needs gives a list"),
        ("layer-split", {"folder": "src"}, "folder must hold {name}"),
        ("layer-split", {"assemble": "no", "check": "x"}, "the check is on the whole"),
        ("component-split", {"assemble": "no", "check": "x"}, "the check is on the"),
        ("map", {"items": "a", "prompt": "x"}, "the prompt must say {{ item }}"),
    ],
)
def test_values_that_contradict_each_other_are_refused(
    name: str, values: dict[str, str], fact: str
):
    with pytest.raises(StrategyError) as caught:
        render_strategy(name, {**NEEDED.get(name, {}), **values})
    assert f"The values do not go together: {fact}" in str(caught.value)


def test_a_panel_decides_from_all_its_analysts_below_a_plain_statement():
    trading = {"analysts": "sentiment, technical, risk", "options": "buy, hold, sell"}
    plan = plan_from("panel", trading)
    last = plan.tasks["decision"]
    assert last.needs == ("sentiment", "technical", "risk")
    assert last.role is Role.SYNTHESISER
    (order,) = orders(last.prompt or "")
    assert order.sources == tuple(f"panel/{name}.md" for name in last.needs)
    assert "not advice" in order.description
    analysts = [plan.tasks[name] for name in last.needs]
    assert not any(task.needs for task in analysts)
    assert all("buy, hold, sell" in (task.prompt or "") for task in analysts)


def mapped(items: list[object], prompt: str, **values: str) -> Plan:
    given = {"items": json.dumps(items), "prompt": prompt, **values}
    return parse_plan(load_yaml(render_strategy("map", given), origin="x"), origin="x")


@pytest.mark.parametrize("odd", ODD)
def test_an_item_fills_its_prompt_and_nothing_else(odd: str):
    plan = mapped([{"a": odd}, odd], "Say {{ item.a if item is mapping else item }}")
    assert [task.prompt for task in plan.tasks.values()] == [f"Say {odd}"] * 2
    assert all(str(task.title).isprintable() for task in plan.tasks.values())
    effective = plan.effective(next(iter(plan.tasks)))
    assert effective.expect is Expect.ANSWER
    assert effective.workspace is not None
    assert effective.workspace.mode is WorkspaceMode.NONE


def test_a_map_keeps_the_order_and_gives_its_schema_once():
    schema = {"type": "object", "required": ["a"]}
    plan = mapped(["b", "a", "b"], "x {{ item }}", result=json.dumps(schema))
    assert [task.title for task in plan.tasks.values()] == ["b", "a", "b"]
    assert plan.defaults.result == schema
    assert all(plan.effective(name).result == schema for name in plan.tasks)
    again = mapped(["a", "b"], "y {{ item }}", workspace="fresh")
    assert list(again.tasks) == list(plan.tasks)[1::-1]
    assert again.defaults.expect is Expect.CHANGES


@pytest.mark.parametrize(
    ("prompt", "fact"),
    [
        ("a\n{{ thing }}", "prompt for c, line 2: 'thing' is undefined."),
        ("{{ item.__class__ }}", "prompt for c, line 1: access to attribute"),
        ("{{ items }}", "prompt for c, line 1: 'items' is undefined."),
        (
            "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{%endfor%}",
            "prompt for c, line 1: takes more than 100,200 steps.",
        ),
        (
            "{% for a in range(9999) %}{{ item }}" + "x" * 999 + "{% endfor %}",
            "prompt for c, line 1: makes more than 2,010,000 characters.",
        ),
    ],
)
def test_a_prompt_that_cannot_be_filled_is_refused_with_its_line(
    prompt: str, fact: str
):
    with pytest.raises(TemplateFaultError) as caught:
        mapped(["c"], prompt + "{{ item }}")
    assert str(caught.value).startswith(fact)


def test_a_thousand_items_are_rendered_within_their_budget():
    prompt = "Rate {{ item.id }}: {{ item.text }}" + " and more" * 200
    plan = mapped([{"id": n, "text": "word " * 50} for n in range(1000)], prompt)
    assert len(plan.tasks) == 1000


def test_components_can_be_left_apart():
    plan = plan_from("component-split", {"assemble": "no"})
    assert list(plan.tasks) == ["header", "footer"]


def test_each_angle_writes_its_file_and_the_report_is_made_from_all():
    plan = plan_from("research", {})
    files = [orders(task.prompt or "")[0] for task in plan.tasks.values()]
    assert [file.path for file in files] == [
        "research/official-documentation.md",
        "research/community.md",
        "research/benchmarks.md",
        "research/report.md",
    ]
    assert files[-1].sources == tuple(file.path for file in files[:-1])
    assert plan.tasks["report"].role is Role.SYNTHESISER
    assert plan.repo == "new"


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", sorted(NEEDED))
def test_odd_values_come_through_as_they_are(name: str, odd: str):
    texts = ["goal", "question", "scaffold", "check", "profile", "material", "notice"]
    words = dict.fromkeys(texts, odd)
    several = ["components", "angles", "layers", "analysts", "options"]
    lists = dict.fromkeys(several, json.dumps([odd, odd, "x"]))
    known = {parameter.name for parameter in load_strategy(name).parameters}
    values = {k: v for k, v in (words | lists).items() if k in known}
    if not odd.isprintable():
        del values["profile"]
    plan = plan_from(name, values)
    goal = odd.strip("\n")
    assert all(goal in (task.prompt or "") for task in plan.tasks.values())
    assert next(t.check for t in reversed(plan.tasks.values())) == odd


@pytest.mark.parametrize("odd", ODD)
def test_a_component_adds_no_file_of_its_own(odd: str):
    plan = plan_from("component-split", {"components": json.dumps([odd, "b"])})
    for name, task in plan.tasks.items():
        found = orders(task.prompt or "")
        assert len(found) == 1
        assert len(found[0].sources) == (2 if name == "assemble" else 0)


@settings(max_examples=40)
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=6), st.text())
def test_any_text_makes_a_plan_or_a_refusal(components: list[str], goal: str):
    values = {"goal": goal, "components": json.dumps(components)}
    try:
        text = render_strategy("component-split", values)
        plan = parse_plan(load_yaml(text, origin="x"), origin="x")
    except ParameterError:
        return
    except PlanError as error:
        assert "zero byte" in str(error)  # noqa: PT017 one of two good ends
        return
    written = [text.strip() for text in components if text.strip()]
    assert len(plan.tasks) == len(written) + 1


def test_an_unknown_strategy_is_refused_with_what_was_meant_and_what_there_is():
    with pytest.raises(UnknownStrategyError) as caught:
        render_strategy("component_split", {})
    assert 'did you mean "component-split"?' in str(caught.value)
    assert caught.value.remedy == f"Strategies are: {', '.join(shipped())}."


@pytest.mark.parametrize("name", ["../roles/worker", "", "/etc/passwd", "a\0b"])
def test_a_strategy_is_a_name_not_a_path(name: str):
    with pytest.raises(UnknownStrategyError):
        render_strategy(name, {})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "missing goal, components (goal: what is being built)."),
        ({"gaol": "x"}, 'there is no parameter "gaol"; did you mean "goal"?'),
        ({"goal": ""}, "goal is empty."),
        ({"goal": "\ud800"}, "goal holds bytes that are no text."),
        ({"assemble": "maybe"}, 'assemble must be true or false, not "maybe".'),
        ({"components": " , "}, "components must have at least one item."),
        (
            {"components": "[1]"},
            "components must be a list of texts: a,b,c or a JSON array.",
        ),
        ({"components": '["a"'}, 'components is no JSON: "["a"".'),
        (
            {"components": ",".join("a" * 1001)},
            "components must have at most 1,000 items.",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(
    values: dict[str, str], sentence: str
):
    needed = NEEDED["component-split"] if values else {}
    assert refusal("component-split", {**needed, **values}) == sentence


def test_values_that_do_not_go_together_are_refused():
    values = {**NEEDED["component-split"], "files": "src/all.tsx"}
    with pytest.raises(StrategyError, match=r"files must hold \{name\}"):
        render_strategy("component-split", values)


@pytest.mark.parametrize("role", [Role.WORKER, Role.ASSEMBLER, Role.SYNTHESISER])
def test_a_role_puts_its_rules_before_the_prompt(role: Role):
    prompt = "Do {{ this }}\n  exactly"
    text = render_role(
        role, task="app", prompt=prompt, needs=("a", "b"), check="make x"
    )
    rules, _, task = text.partition("----- task -----\n")
    assert task == f"{prompt}\n----- end of task -----\n"
    assert "Do not commit, push or switch branches" in rules
    assert "at most five lines" in rules
    assert "a, b" in rules
    assert "\n      make x\n" in rules
    assert orders(rules) == []


def test_a_role_says_nothing_of_needs_and_checks_that_are_not_there():
    text = render_role(Role.WORKER, task="app", prompt="x")
    assert "already in this folder" not in text
    assert "must succeed" not in text


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.NONE}))
def test_a_worker_is_told_what_its_result_must_fit(role: Role):
    text = render_role(role, task="app", prompt="x", result='{"type":"object"}')
    assert '      JSON schema: {"type":"object"}' in text.splitlines()
    assert "nothing\n  else: no words before or after it" in text
    assert "at most five lines" not in text
    assert "JSON" not in render_role(role, task="app", prompt="x")


@pytest.mark.parametrize("mode", [WorkspaceMode.SHARED, WorkspaceMode.NONE])
def test_a_reader_is_told_to_change_nothing(mode: WorkspaceMode):
    text = render_role(Role.WORKER, task="app", prompt="x", mode=mode)
    assert "Do not change any file" in text
    assert "commit" not in text


def test_no_role_means_the_prompt_alone():
    assert render_role(Role.NONE, task="a", prompt=" x\n") == " x\n"


def templates() -> list[Path]:
    return sorted((bundle_root() / "prompts").rglob("*.j2"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_templates_hold_nothing_that_a_scanner_or_a_worker_would_misread(path: Path):
    text = path.read_text()
    for phrase in ("you are now a", "system prompt:", "rm -rf", "ignore previous"):
        assert phrase not in text.lower()
    assert not re.search(r"[A-Za-z0-9+/=]{200}", text)
    assert not re.search(r"(?m)^\s*(WRITE|READ|RUN|SAY|FAULT)\b", text)
    if path.parent.name == "roles":
        assert not re.search(r"(?m)^\W*(Create|Write|Update)\s+`", text)


EXAMPLES = {
    "tour": (["header", "stats", "chart", "footer"], "page", "site/index.html"),
    "dashboard": (["stats", "chart", "table", "activity"], "app", "src/App.tsx"),
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_ends_with_a_file_made_from_what_the_others_made(name: str):
    path = bundle_root() / "examples" / f"{name}.yaml"
    plan = parse_plan(read_yaml(path), origin=path.name)
    parts, last, made = EXAMPLES[name]
    assert set(plan.tasks[last].needs) == set(parts)
    assert (plan.repo, plan.name) == ("new", name)
    files = tuple(orders(plan.tasks[part].prompt or "")[0].path for part in parts)
    [end] = orders(plan.tasks[last].prompt or "")
    assert (end.path, end.sources) == (made, files)
