"""Whether the links of published documents lead to what is published too."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from publishing.finding import Finding, wrong

LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDER = re.compile(r"\{baseDir\}/([\w./-]+)")


def look_at(root: Path, names: list[str]) -> list[Finding]:
    """Find links, and paths below `{baseDir}`, to what a user does not get."""
    held = set(names)
    found = []
    for name in (one for one in names if one.endswith(".md")):
        text = (root / name).read_text("utf-8")
        here = PurePosixPath(name).parent
        links = [one for one in LINK.findall(text) if not _is_outside(one)]
        wanted = [_joined(here, one.partition("#")[0]) for one in links]
        wanted += [one.rstrip("./") for one in FOLDER.findall(text)]
        found += [
            wrong(name, f"leads to {one}, which is not published.")
            for one in wanted
            if one not in held and not any(has.startswith(one + "/") for has in held)
        ]
    return found


def _is_outside(link: str) -> bool:
    return link.startswith(("#", "http:", "https:"))


def _joined(folder: PurePosixPath, link: str) -> str:
    parts: list[str] = list(folder.parts)
    for part in PurePosixPath(link).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
