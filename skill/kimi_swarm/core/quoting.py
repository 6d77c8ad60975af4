"""What others wrote, put where none of it can pass for a line of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN_FILES = 8
LINE_CHARS = 600
_OPENING = re.compile(r"`{3,}|~{3,}|<(?=!)")
# What may stand before a block of Markdown and hold it: quotes, lists, their numbers.
_CONTAINERS = " \t>*+-.)0123456789"


def files_line(paths: Sequence[str], *, total: int | None = None) -> str:
    """Put the first few paths on one line, and how many more there are (of `total`)."""
    rest = (len(paths) if total is None else total) - min(len(paths), SHOWN_FILES)
    more = f" and {rest} more" if rest else ""
    return line(", ".join(paths[:SHOWN_FILES])) + more


def line(text: str) -> str:
    """Put what others wrote on one short line: it cannot pass for a line of ours.

    Nor can it open a fence or a comment where the report is rendered.
    """
    one = clipped(" ".join(text.splitlines()), LINE_CHARS)
    return _OPENING.sub(_escaped, one)


def theirs(text: str) -> str:
    """Put what others wrote at the end of a line of ours, behind a mark."""
    return f"> {line(text)}"


def theirs_of_files(paths: Sequence[str], *, total: int | None = None) -> str:
    """Name files at the end of a line of ours: whoever made them named them."""
    return f"> {files_line(paths, total=total)}"


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\{mark}" for mark in found[0])


def quote(text: str) -> str:
    """Put one line of what others wrote in a quote, in which it is no heading."""
    one = line(text).strip()
    inner = one.lstrip(_CONTAINERS)
    is_underline = not one.strip("- ")
    if is_underline or inner.startswith("#") or not inner.strip("= "):
        at = 0 if is_underline else len(one) - len(inner)
        one = f"{one[:at]}\\{one[at:]}"
    return f"> {one}"


def clipped(text: str, limit_chars: int) -> str:
    """Return at most so many characters of a text, with a sign where more was."""
    return text if len(text) <= limit_chars else text[: limit_chars - 1] + "…"
