"""Values out of JSON that a worker wrote: of the type asked for, or nothing."""

from __future__ import annotations

import json
import re

MAX_TEXT_CHARS = 262_144
MAX_MESSAGE_CHARS = 500

_MAX_COUNT = 10**15
_MODEL = re.compile(r"(?!__)[A-Za-z0-9~][A-Za-z0-9._:/~@+-]{0,199}")


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


def count_or_none(value: object) -> int | None:
    """Return the value if it is a count that can be true, else None: not told."""
    return count_in(value) if count_in(value) or value == 0 else None


def amount_in(value: object) -> float | None:
    """Return the value as a sum of money if it can be one, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MAX_COUNT else None


def model_in(value: object) -> str | None:
    """Return the value if it can name a model, else None.

    Programs have names of their own for what a variable gave them: `__so_called__`.
    """
    is_name = isinstance(value, str) and _MODEL.fullmatch(value)
    return value if is_name and isinstance(value, str) else None


def status_in(value: object) -> int | None:
    """Return the value if it is an HTTP status, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 100 <= value <= 599 else None  # noqa: PLR2004 HTTP's own bounds
