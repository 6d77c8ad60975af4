"""SKILL.md declares every program and variable; its sheets say only what there is."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kimi_swarm.cli.arguments import HOT
from kimi_swarm.cli.cold_arguments import COLD
from kimi_swarm.workers.profile import BASIC_ENV

ROOT = Path(__file__).parents[2]
CODE = sorted((ROOT / "skill").rglob("*.py"))
SKILL = (ROOT / "SKILL.md").read_text("utf-8")
WANTS = yaml.safe_load(SKILL.split("---\n", 2)[1])["metadata"]["openclaw"]
SHEETS = [ROOT / "SKILL.md", *sorted((ROOT / "references").glob("*.md"))]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yaml").read_text("utf-8"))
PROFILES: dict[str, dict[str, Any]] = MANIFEST["profiles"]
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
OURS = re.compile(r"KIMI_SWARM_[A-Z_]+")
# What any program may look at: where the user's folders and their editor's colours are.
USUAL = {*BASIC_ENV, "EMAIL", "NO_COLOR", "PYTHONPATH"}
# Set by kimi-swarm itself, for its own processes and its workers; nobody else's to set.
HANDED_ON = {
    *("KIMI_SWARM_CODE", "KIMI_SWARM_PROG", "KIMI_SWARM_PYTHON"),
    *("KIMI_SWARM_FOLDER", "KIMI_SWARM_SESSION", "KIMI_SWARM_TASK"),
    "PYDANTIC_DISABLE_PLUGINS",
}
INSTALLERS = {"npm install -g ": "node", "pip install ": "uv"}


def is_usual(name: str) -> bool:
    return name in USUAL or name.startswith(("XDG_", "GIT_", "LC_"))


def of_the_manifest() -> set[str]:
    """Every variable that it passes on, looks at, or fills into a path."""
    names = {*MANIFEST["notify"]["keep"], *MANIFEST["notify"]["pass"]}
    for profile in PROFILES.values():
        login, models = profile.get("login", {}), profile.get("models", {})
        names |= {*profile.get("env", {}).get("pass", ()), *login.get("env", ())}
        names |= {*models.get("unless_env", ()), *filter(None, [models.get("key_env")])}
        names |= set(re.findall(r"\$\{([A-Z_]+)", yaml.dump(profile)))
    return names


def looked_up(path: Path) -> Iterator[str]:
    """Every name that code asks an environment for, and every name of our own."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Subscript(value=where, slice=ast.Constant(value=str(name))):
                asked = where
            case ast.Call(
                func=ast.Attribute(value=asked, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                pass
            case ast.Constant(value=str(name)) if OURS.fullmatch(name):
                yield name
                continue
            case _:
                continue
        if ast.unparse(asked).endswith(("environ", "env")) and VARIABLE.fullmatch(name):
            yield name


def test_every_variable_that_is_read_is_declared_and_no_other():
    read = {name for path in CODE for name in looked_up(path)} | of_the_manifest()
    wanted = {name for name in read - HANDED_ON if not is_usual(name)}
    declared = [one["name"] for one in WANTS["envVars"]]
    assert sorted(declared) == sorted(wanted)


def test_every_program_of_a_profile_is_declared_with_how_it_is_installed():
    declared = {
        one["id"]: (one["kind"], one["package"], one["bins"])
        for one in WANTS["install"]
    }
    wanted = {
        name: (kind, profile["install"].removeprefix(line), [profile["program"]])
        for name, profile in PROFILES.items()
        for line, kind in INSTALLERS.items()
        if profile.get("install", "").startswith(line)
    }
    assert declared == wanted
    assert set(wanted) == {name for name in PROFILES if PROFILES[name].get("install")}


def calls_in(text: str) -> Iterator[list[str]]:
    """Every call of a verb that a text shows: in spans of code and in command lines."""
    spans = re.findall(r"`([^`\n]+)`", text)
    lines = re.findall(r"^python3 \S+/swarm\.py (.+)$", text, re.MULTILINE)
    for words in map(str.split, [*spans, *lines]):
        if words[0] in {**COLD, **HOT} and len(words) > 1:
            yield words


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_every_call_that_an_agent_reads_of_names_options_that_there_are(path: Path):
    text = path.read_text("utf-8")
    for verb, *words in calls_in(text):
        parser = argparse.ArgumentParser()
        {**COLD, **HOT}[verb][0](parser)
        known = {*parser._option_string_actions, "--json", "--help"}
        options = {word for word in words if word.startswith("--")}
        assert options <= known, (verb, words)


def test_every_code_that_the_sheets_explain_is_one_that_is_given():
    sheet = (ROOT / "references" / "troubleshooting.md").read_text("utf-8")
    sources = "\n".join(path.read_text("utf-8") for path in CODE)
    codes = re.findall(r"`\[([a-z_]+)\]`", sheet)
    assert len(codes) > 10
    assert [code for code in codes if f'"{code}"' not in sources] == []


def test_every_reason_that_the_sheets_explain_is_one_that_sessions_end_with():
    sheet = (ROOT / "references" / "results.md").read_text("utf-8")
    rows = re.findall(
        r"^\| (`[^|]+`) \|", sheet.partition("a reason says")[2], re.MULTILINE
    )
    reasons = re.findall(r"`([a-z_]+)`", " ".join(rows))
    sources = "\n".join(path.read_text("utf-8") for path in CODE)
    assert len(reasons) > 10
    assert [each for each in reasons if f'"{each}"' not in sources] == []
