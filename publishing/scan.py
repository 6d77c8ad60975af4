"""Words and shapes that marketplaces' scanners take for harm, looked for in our text.

Nothing here serves to write around a rule: a hit is changed where it is badly said, or
stands in EXPLAINED with what it really does, where a reviewer can read it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from publishing.finding import Finding, wrong


class Rule(NamedTuple):
    """One thing to look for: its name, how it looks, and in files of which ending."""

    name: str
    pattern: re.Pattern[str]
    endings: tuple[str, ...]


def _rule(name: str, *patterns: str, endings: str = "") -> Rule:
    joined = re.compile("|".join(patterns), re.IGNORECASE)
    return Rule(name, joined, tuple(endings.split()))


PROSE = ".md .yaml .j2 .csv .json"
RULES = (
    _rule(
        "prompt_injection", r"ignore (all )?previous instructions", r"you are now an?\b"
    ),
    _rule("prompt_injection", r"system prompt\s*:", r"reveal the system prompt"),
    _rule("obfuscated_code", r"[A-Za-z0-9+/=]{200}", r"(\\x[0-9a-f]{2}){6}"),
    _rule("hidden_text", "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"),
    _rule("pipe_to_shell", r"(curl|wget)\b[^|\n]*\|\s*(ba|z)?sh\b"),
    _rule("destructive_delete", r"\brm\s+-[a-z]*(rf|fr)\b", r"rmtree\(\s*[\"']?(/|~)"),
    _rule("dynamic_code", r"(?<![\w.])(eval|exec)\(", r"exec_module\(", endings=".py"),
    _rule(
        "dynamic_code", r"\bpickle\b", r"\bmarshal\b", r"__import__\(", endings=".py"
    ),
    _rule("shell_string", r"shell\s*=\s*True", r"os\.(system|popen)\(", endings=".py"),
    _rule("copied_environment", r"os\.environ\.copy\(", r"dict\(os\.environ\)"),
    _rule("copied_environment", r"\*\*os\.environ\b", endings=".py"),
    _rule("insecure_tls", r"verify\s*=\s*False", r"_create_unverified_context"),
    _rule("insecure_tls", r"CERT_NONE"),
    _rule(
        "persistence", r"\bnohup\b", r"\bcrontab\b", r"\bsystemctl\b", r"LaunchAgents"
    ),
    _rule("other_users", r"\bsudo\b", r"\bsetuid\b", r"chmod (a\+|777|\+s)"),
    _rule("secret_in_argv", r"--(api-?key|token|password)[= ]\"?\$"),
    _rule(
        "secret_literal", r"\b(sk|ghp|xox[bp])[-_][A-Za-z0-9]{16,}", r"AKIA[A-Z0-9]{16}"
    ),
    _rule("secret_literal", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    _rule("confirmation_bypass", r"auto-?approve", r"no confirmation", endings=PROSE),
    _rule("confirmation_bypass", r"without (asking|confirm)", endings=PROSE),
    _rule("boundless", r"\bunlimited\b", r"\bforever\b", endings=PROSE),
    _rule("package_index", r"--(extra-)?index-url", r"registry\s*=\s*[\"']?http"),
    _rule("package_index", r"\bregistry\.\w+\.[a-z]{2,}\b", r"\bpypi\.org\b"),
)
ADDRESS = re.compile(r"https?://([\w.-]+)")

# Hosts that published text may name, and why. No package index is among them.
HOSTS = {
    "127.0.0.1": "this machine",
    "localhost": "this machine",
    "api.anthropic.com": "the provider of a profile",
    "api.kimi.com": "the provider of a profile",
    "api.moonshot.ai": "the provider of a profile",
    "api.moonshot.cn": "the provider of a profile",
    "api.openai.com": "the provider of a profile",
    "api.kilo.ai": "the list of models that Kilo offers without an account",
    "jinja.palletsprojects.com": "the language that strategies are written in",
    "keepachangelog.com": "the form of the changelog",
    "semver.org": "the form of versions",
}
EXPLAINED = {
    (
        "copied_environment",
        "skill/kimi_swarm/process/given_values.py",
    ): "kept in memory, to pick from it the names that a profile passes to a worker",
    (
        "copied_environment",
        "skill/kimi_swarm/process/takeover.py",
    ): "`attach` puts the person who typed it, with their own variables, in a program",
}


def look_at(root: Path, names: list[str]) -> list[Finding]:
    """Find what scanners would stop at and what nobody has explained."""
    found = []
    for name in names:
        text = (root / name).read_text("utf-8")
        hits = [hit for rule in RULES for hit in _hits(rule, name, text)]
        found += [wrong(f"{name}:{line}", sentence) for line, sentence in sorted(hits)]
    return found + _unused(root, names)


def _hits(rule: Rule, name: str, text: str) -> list[tuple[int, str]]:
    if rule.endings and not name.endswith(rule.endings):
        return []
    if (rule.name, name) in EXPLAINED:
        return []
    return [
        (text.count("\n", 0, hit.start()) + 1, f"{rule.name}: {hit[0][:40]!r}.")
        for hit in rule.pattern.finditer(text)
    ]


def _unused(root: Path, names: list[str]) -> list[Finding]:
    """Find explanations of what is gone: they would hide what comes next."""
    return [
        wrong(name, f"{rule} is explained, and no longer there.")
        for rule, name in EXPLAINED
        if name not in names
        or not any(
            one.pattern.search((root / name).read_text("utf-8"))
            for one in RULES
            if one.name == rule
        )
    ]


def addresses(root: Path, names: list[str], own: tuple[str, ...]) -> list[Finding]:
    """Find addresses of hosts that published text has no reason to name.

    `own` are the addresses of whoever publishes.
    """
    known = {*HOSTS, *(host for one in own for host in ADDRESS.findall(one))}
    return [
        wrong(name, f"names the host {host}.")
        for name in names
        for host in sorted(set(ADDRESS.findall((root / name).read_text("utf-8"))))
        if host not in known
    ]
