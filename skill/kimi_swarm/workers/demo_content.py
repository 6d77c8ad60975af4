"""What the demo worker writes: small true files, the same for the same words."""

from __future__ import annotations

import html
import json
import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

_STYLE = """\
body { font-family: sans-serif; margin: 2rem auto; max-width: 50rem; }
section { border-top: 1px solid silver; padding: 0.5rem 0; }
"""


class Source(NamedTuple):
    """A file that another one is made from: path from the workspace's root, content."""

    path: str
    text: str


def content(path: str, description: str, sources: Sequence[Source] = ()) -> str:
    """Return the file's content by its suffix, its sources included in order."""
    stem, suffix = posixpath.splitext(posixpath.basename(path))
    words = re.findall(r"[A-Za-z0-9]+", stem) or ["file"]
    title = " ".join(word[:1].upper() + word[1:] for word in words)
    described = description or f"{title}, as the demo worker sees it"
    match suffix:
        case ".html" if sources:
            return _page(title, described, sources)
        case ".html":
            return _fragment("-".join(words).lower(), title, described)
        case ".tsx" | ".jsx":
            return _component(path, title, described, sources)
        case ".json":
            return _record(title, described, sources)
        case _:
            head = _head(suffix, words, title, described)
            return "\n".join([head, *(source.text for source in sources)])


def _head(suffix: str, words: Sequence[str], title: str, described: str) -> str:
    match suffix:
        case ".py":
            name = "_".join(["make", *words]).lower()
            quoted = json.dumps(described)
            return f"def {name}() -> str:\n    return {quoted}\n"
        case ".ts" | ".js" | ".mjs":
            return f"export const description = {json.dumps(described)};\n"
        case ".css":
            kind = "-".join(words).lower()
            comment = described.replace("*/", "* /")
            return f"/* {comment} */\n.{kind} {{\n  padding: 1rem;\n}}\n"
        case ".md":
            return f"# {title}\n\n{described}\n"
        case _:
            return f"{described}\n"


def _fragment(kind: str, title: str, described: str) -> str:
    return (
        f'<section id="{kind}">\n  <h2>{title}</h2>\n'
        f"  <p>{html.escape(described)}</p>\n</section>\n"
    )


def _page(title: str, described: str, sources: Sequence[Source]) -> str:
    parts = [
        source.text
        if source.path.endswith((".html", ".svg"))
        else f"<pre>{html.escape(source.text)}</pre>\n"
        for source in sources
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>{html.escape(described)}</p>\n<main>\n{''.join(parts)}</main>\n"
        "</body>\n</html>\n"
    )


def _component(path: str, title: str, described: str, sources: Sequence[Source]) -> str:
    own = _identifier(title)
    imports, shown = [], []
    taken = {own}
    for number, source in enumerate(sources, 1):
        stem, suffix = posixpath.splitext(source.path)
        place = posixpath.relpath(stem, posixpath.dirname(path) or ".")
        place = place if place.startswith("..") else f"./{place}"
        if suffix in {".tsx", ".jsx"}:
            name = _identifier(posixpath.basename(stem))
            if name in taken:  # two folders may hold components of one name
                name = f"{name}{number}"
            taken.add(name)
            imports.append(f'import {name} from "{place}";\n')
            shown.append(f"        <{name} />\n")
        elif suffix == ".css":
            imports.append(f'import "{place}.css";\n')
        else:
            shown.append(f"        <pre>{{{json.dumps(source.text)}}}</pre>\n")
    head = "".join([*imports, "\n"]) if imports else ""
    grid = f'      <div className="grid">\n{"".join(shown)}      </div>\n'
    return (
        f"{head}"
        f"export default function {own}() {{\n  return (\n"
        f'    <section className="{own.lower()}">\n      <h2>{title}</h2>\n'
        f"      <p>{{{json.dumps(described)}}}</p>\n{grid if shown else ''}"
        "    </section>\n  );\n}\n"
    )


def _record(title: str, described: str, sources: Sequence[Source]) -> str:
    record: dict[str, object] = {"name": title, "description": described}
    if sources:
        record["parts"] = [_parsed(source.text) for source in sources]
    return json.dumps(record, indent=2) + "\n"


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _identifier(words: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]", "", words)
    return name if name[:1].isupper() else f"Part{name[:1].upper()}{name[1:]}"
