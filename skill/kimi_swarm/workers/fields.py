"""Values out of JSON that a worker wrote: of the type asked for, or nothing."""

from __future__ import annotations

import json

MAX_TEXT_CHARS = 262_144
MAX_MESSAGE_CHARS = 500

_MAX_COUNT = 10**15


def json_object(line: str) -> dict[str, object] | None:
    """Return the JSON object that fills the line, or None."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def mapping_in(value: object) -> dict[str, object]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_in(value: object) -> str:
    """Return the value if it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def count_in(value: object) -> int:
    """Return the value if it is a count that can be true, else 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value <= _MAX_COUNT else 0


def amount_in(value: object) -> float | None:
    """Return the value as a sum of money if it can be one, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MAX_COUNT else None


def status_in(value: object) -> int | None:
    """Return the value if it is an HTTP status, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 100 <= value <= 599 else None  # noqa: PLR2004 HTTP's own bounds
