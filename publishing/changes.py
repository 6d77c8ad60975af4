"""What the changelog says of a version."""

from __future__ import annotations

import re
from pathlib import Path

from publishing.finding import Finding, missing

HEADING = re.compile(r"^## \[([^\]]+)\].*$", re.MULTILINE)


def changes_of(root: Path, version: str) -> str:
    """Return the version's section of CHANGELOG.md without its heading, or ""."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    headings = list(HEADING.finditer(text))
    ends = [one.start() for one in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        if heading[1] == version:
            return text[heading.end() : end].strip()
    return ""


def look_at(root: Path, version: str) -> list[Finding]:
    """Find whether the version that is published has a section."""
    if changes_of(root, version):
        return []
    sentence = f"no section [{version}]; give [Unreleased] that name, and a date."
    return [missing("CHANGELOG.md", sentence)]
