"""What the documents show must be true: plans are plans, commands parse, links lead."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from kimi_swarm.actions.result_schemas import require_schemas
from kimi_swarm.cli.arguments import HOT, parser_for
from kimi_swarm.cli.cold_arguments import COLD
from kimi_swarm.config import Notify, OwnConfig
from kimi_swarm.core.plan import Plan, parse_plan
from kimi_swarm.core.plan_parts import (
    Defaults,
    Limits,
    MergeCheckSpec,
    PlanTask,
    WorkspaceSpec,
)
from kimi_swarm.core.written import Written
from kimi_swarm.workers.profile import Profile

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "SKILL.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/architecture.md",
    "docs/gateway.md",
    "docs/limits.md",
    "docs/mcp.md",
    "docs/plans.md",
    "docs/profiles.md",
    "docs/python.md",
    "docs/publishing.md",
    "docs/strategies.md",
    "docs/waking.md",
)
# Being written apart, from measurements; take it out of here once it is there.
PENDING = ("docs/benchmarks.md",)
PROGRAMS = (
    "kimi-swarm ",
    "python3 skill/swarm.py ",
    "python3 {baseDir}/skill/swarm.py ",
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", text_of(name), re.DOTALL | re.MULTILINE
    )


def commands(name: str) -> list[str]:
    """Return every command line of ours in the document's shell blocks."""
    lines = [line for block in blocks(name, "sh") for line in block.splitlines()]
    return [
        line.removeprefix(program)
        for line in lines
        for program in PROGRAMS
        if line.startswith(program)
    ]


def anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


PLANS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in ("README.md", "SKILL.md", "docs/plans.md")
    for number, block in enumerate(blocks(name, "yaml"))
]
COMMANDS = [(name, line) for name in DOCUMENTS for line in commands(name)]


@pytest.mark.parametrize("block", PLANS)
def test_a_plan_that_is_shown_can_be_run(block: str):
    plan = parse_plan(yaml.safe_load(block), origin="a document")
    assert set(plan.order()) == set(plan.tasks)
    require_schemas(plan, origin="a document")


@pytest.mark.parametrize(
    "model",
    [Plan, Defaults, Limits, MergeCheckSpec, PlanTask, WorkspaceSpec],
    ids=lambda m: m.__name__,
)
def test_every_field_of_a_plan_is_explained_and_shown(model: type[Written]):
    shown = "\n".join(blocks("docs/plans.md", "yaml"))
    for name, field in model.model_fields.items():
        written = field.alias or name
        assert f"`{written}`" in text_of("docs/plans.md")
        assert re.search(rf"(^|[\s{{]){written}:", shown), written


def test_the_host_that_is_shown_can_be_told():
    (block,) = blocks("docs/waking.md", "yaml")
    OwnConfig.model_validate(yaml.safe_load(block))
    for name, field in Notify.model_fields.items():
        written = field.alias or name
        assert written == "install" or f" {written}: " in block, written


@pytest.mark.parametrize("block", blocks("docs/profiles.md", "yaml"))
def test_a_profile_that_is_shown_is_one(block: str):
    fields = yaml.safe_load(block)
    profile = Profile.model_validate({"name": fields["program"], **fields})
    assert profile.program == fields["program"]


def test_every_field_of_a_profile_is_explained():
    for name in Profile.model_fields.keys() - {"name"}:
        assert f"| `{name}` |" in text_of("docs/profiles.md")


def test_the_documents_show_commands():
    assert {name for name, _ in COMMANDS} >= {"README.md", "SKILL.md"}


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_a_command_that_is_shown_is_understood(name: str, line: str):
    verb, *rest = shlex.split(line, comments=True)
    rest = [word for word in rest if word != "--help"]  # it would print and leave
    add, summary = {**COLD, **HOT}[verb]
    parser = parser_for(verb, add, prog="kimi-swarm", summary=summary)
    assert parser.parse_args(rest).json is ("--json" in rest)


def test_every_verb_is_named_in_the_readme_or_the_skill():
    told = text_of("README.md") + text_of("SKILL.md")
    for verb in {**COLD, **HOT}:
        assert re.search(rf"\b{verb}\b", told), verb


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_make_target_that_is_shown_exists(name: str):
    known = set(re.findall(r"^([a-z0-9-]+):", text_of("Makefile"), re.MULTILINE))
    shown = re.findall(
        r"^make ([a-z0-9-]+)", "\n".join(blocks(name, "sh")), re.MULTILINE
    )
    assert set(shown) <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_link_inside_leads_somewhere(name: str):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if target.startswith(("https:", "http:")) or target in PENDING:
            continue
        path, _, part = target.partition("#")
        found = (ROOT / name).parent / path if path else ROOT / name
        assert found.exists(), target
        if part:
            headings = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.MULTILINE)
            assert part in {anchor(heading) for heading in headings}, target


def test_a_module_that_the_architecture_names_exists():
    package = ROOT / "skill/kimi_swarm"
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", text_of("docs/architecture.md"))
    assert named
    for path in named:
        assert (package / path).is_file() or (ROOT / path).is_file(), path


def test_the_readme_opens_with_the_two_commands():
    assert blocks("README.md", "sh")[0].splitlines() == [
        "python3 skill/swarm.py run examples/tour.yaml",
        "make test",
    ]


def test_the_changelog_begins_with_what_is_not_released():
    assert text_of("CHANGELOG.md").split("\n## ")[1].startswith("[Unreleased]")
