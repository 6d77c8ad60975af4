"""Plain command lines of light verbs, read without argparse, which costs a bare start.

What is not plain (help, mistakes, `--limit=5`) is left to the real parser, which also
is the one that a test holds this to. Light.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

LONGEST_S = 10_000_000
LONGEST_NUMBER = 11

# Per verb: the name of its positional word, and whether it must be there; then each
# option with the field it sets and what follows it ("" for nothing).
_SHAPES: dict[str, tuple[str, bool, dict[str, tuple[str, str]]]] = {
    "list": (
        "run",
        False,
        {
            "--limit": ("limit", "count"),
            "--size": ("size", ""),
            "--as": ("asker", "text"),
        },
    ),
    "poll": (
        "id",
        False,
        {"--timeout-s": ("timeout_s", "seconds"), "--as": ("asker", "text")},
    ),
    "log": (
        "session",
        True,
        {
            "--offset": ("offset", "count"),
            "--limit": ("limit", "count"),
            "--raw": ("raw", ""),
            "--follow": ("follow", ""),
            "-f": ("follow", ""),
        },
    ),
    "wait": (
        "run",
        True,
        {
            "--any": ("any", ""),
            "--timeout-s": ("timeout_s", "seconds"),
            "--as": ("asker", "text"),
        },
    ),
    "kill": ("id", False, {"--all": ("all", ""), "--as": ("asker", "text")}),
}
_DEFAULTS = {
    ("list", "limit"): 20,
    ("poll", "timeout_s"): 0.0,
}


def read_plainly(verb: str, words: Sequence[str]) -> SimpleNamespace | None:
    """Return what a plain command line asks for, None if the real parser must look."""
    place, is_required, options = _SHAPES[verb]
    options = {**options, "--json": ("json", "")}
    asked: dict[str, object] = {place: None}
    for field, kind in options.values():
        asked[field] = _DEFAULTS.get((verb, field), None if kind else False)
    left = iter(words)
    for word in left:
        if word in options:
            field, kind = options[word]
            value = _value(kind, next(left, "-") if kind else "")
            if value is None:
                return None
            asked[field] = value
        elif word.startswith("-") or asked[place] is not None:
            return None
        else:
            asked[place] = word
    if is_required and asked[place] is None:
        return None
    return SimpleNamespace(**asked)


def _value(kind: str, word: str) -> object:
    """Read what follows an option; None for anything that is not plain."""
    if not kind:
        return True
    if kind == "text":
        return None if word.startswith("-") else word
    if not (word.isascii() and word.isdigit() and len(word) <= LONGEST_NUMBER):
        return None
    if kind == "count":
        return int(word)
    return float(word) if int(word) <= LONGEST_S else None
