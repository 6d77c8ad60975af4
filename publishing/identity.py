"""Who the package says it is, in each file that says so, and whether they agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from publishing.finding import Finding, missing, note, wrong

URLS = "pyproject.toml, [project.urls]"
SECRET = re.compile(r"(KEY|TOKEN|SECRET)$")
LICENSE = "MIT-0"
"""What the marketplace publishes every skill under, whatever the skill says."""


class Identity(NamedTuple):
    """What whoever publishes says once: name, version, homepage, source (or "")."""

    name: str
    version: str
    homepage: str
    source: str


def identity_of(root: Path) -> Identity:
    """Read the identity from pyproject.toml, the one place that may be edited."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    urls = {name.lower(): url for name, url in project.get("urls", {}).items()}
    homepage, source = urls.get("homepage", ""), urls.get("source", "")
    return Identity(project["name"], project["version"], homepage, source)


def front_of(root: Path) -> dict[str, Any]:
    """Read the frontmatter of SKILL.md."""
    _, head, _ = (root / "SKILL.md").read_text("utf-8").split("---\n", 2)
    return dict(yaml.safe_load(head))


def look_at(root: Path) -> list[Finding]:
    """Find where pyproject.toml, manifest.yaml, SKILL.md and the code disagree."""
    said, front = identity_of(root), front_of(root)
    manifest = yaml.safe_load((root / "manifest.yaml").read_text("utf-8"))
    host = front.get("metadata", {}).get("openclaw", {})
    return [
        *_same("name", said.name, SKILL=front["name"], manifest=manifest["name"]),
        *_same("version", said.version, manifest=manifest["version"], code=_code(root)),
        *_same("license", LICENSE, SKILL=front.get("license")),
        *_same("license", LICENSE, manifest=manifest.get("license", LICENSE)),
        *_addresses(said, host),
        *_variables(manifest, host),
        *_promises(host),
    ]


def _same(what: str, expected: str, **others: object) -> list[Finding]:
    return [
        wrong(where, f"its {what} is {value!r}, and not {expected!r}.")
        for where, value in others.items()
        if value != expected
    ]


def _code(root: Path) -> str:
    text = (root / "skill/kimi_swarm/__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    return found[1] if found else ""


def _addresses(said: Identity, host: dict[str, Any]) -> list[Finding]:
    """Find which address is not set, and whether SKILL.md repeats the homepage."""
    found = [
        missing(URLS, f"`{name}` is not set; set it to where {what} is.")
        for name, value, what in (
            ("Homepage", said.homepage, "the project's page"),
            ("Source", said.source, "the repository"),
        )
        if not value
    ]
    told = host.get("homepage", "")
    if told != said.homepage:
        wanted = f"`homepage: {said.homepage}`" if said.homepage else "no `homepage`"
        sentence = f"under metadata.openclaw it needs {wanted}, as {URLS} says."
        found.append(wrong("SKILL.md", sentence))
    return found


def _variables(manifest: dict[str, Any], host: dict[str, Any]) -> list[Finding]:
    """Find what is declared and read by nothing, and what is passed undeclared."""
    declared = {one["name"] for one in host.get("envVars", [])}
    read = set(re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", yaml.safe_dump(manifest)))
    passed = {
        name
        for profile in manifest["profiles"].values()
        for name in profile.get("env", {}).get("pass", [])
    }
    found = [
        wrong("SKILL.md", f"declares {name}, which nothing in manifest.yaml reads.")
        for name in sorted(declared - read)
        if not name.startswith("KIMI_SWARM_")
    ]
    if hidden := sorted(name for name in passed - declared if SECRET.search(name)):
        sentence = f"envVars does not declare what profiles pass: {', '.join(hidden)}."
        found.append(note("SKILL.md", sentence))
    return found


def _promises(host: dict[str, Any]) -> list[Finding]:
    """Find what in the frontmatter asks for more than a reviewer would grant."""
    found = []
    if host.get("always"):
        found.append(wrong("SKILL.md", "`always` is held for a privilege."))
    if not set(host.get("os", [])) <= {"linux", "darwin"}:
        found.append(wrong("SKILL.md", "`os` takes linux and darwin, as hosts say it."))
    if host.get("requires", {}).get("env"):
        sentence = "`requires.env` hides the skill from who uses another provider."
        found.append(wrong("SKILL.md", sentence))
    return found
