"""Which paths the rules of a `.gitignore` or `.clawhubignore` leave out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache


class UnknownRuleError(Exception):
    """Raised for a rule of a form that is not read here, so that none is misread."""

    def __init__(self, rule: str) -> None:
        super().__init__(
            f"The rule {rule!r} is of a form that is not known: write names, paths "
            "from the top, and `*` within a name."
        )


def rules_of(text: str) -> list[str]:
    """Return the rules of an ignore file, without comments; raises UnknownRuleError."""
    rules = [line.strip() for line in text.splitlines()]
    kept = [rule for rule in rules if rule and not rule.startswith("#")]
    for rule in kept:
        if re.search(r"^!|\*\*|[\[\]?\\]", rule):
            raise UnknownRuleError(rule)
    return kept


def is_left_out(path: str, rules: Iterable[str]) -> bool:
    """Whether a rule, or a dot before a name, keeps the file at `path` back.

    `path` is relative, with slashes.
    """
    parts = path.split("/")
    if any(part.startswith(".") for part in parts):
        return True
    folders = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    return any(
        _pattern(rule).fullmatch(one) for rule in rules for one in [*folders, path]
    )


@cache
def _pattern(rule: str) -> re.Pattern[str]:
    # As git has it: a rule with a slash before its end counts from the top.
    is_anchored = "/" in rule.rstrip("/")
    name = re.escape(rule.strip("/")).replace(r"\*", "[^/]*")
    end = "/" if rule.endswith("/") else "/?"
    return re.compile(("" if is_anchored else "(?:.*/)?") + name + end)
