"""Where a value of several types is wrong, without the types that it was tried as."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic_core import ErrorDetails

_BRANCH = re.compile(r"[a-z-]+\[.*\]", re.DOTALL)
"""How pydantic calls one of several types that a value may have."""
_JSON_BRANCHES = {"list", "dict", "str", "bool", "int", "float", "none"}


def likely_faults(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out that a value is not of one type where it is wrong as another.

    A list given for a name or a mapping is neither; a name of two lines is a name.
    """
    deep = {union for one in found if (union := _union(one)) and not _is_type(one)}
    return [one for one in found if not (_is_type(one) and _union(one) in deep)]


def _union(found: ErrorDetails) -> tuple[str | int, ...]:
    """Return the place of the value of several types that an error lies in, or ()."""
    for at, part in enumerate(found["loc"]):
        if isinstance(part, str) and _BRANCH.fullmatch(part):
            return found["loc"][:at]
    return ()


def _is_type(found: ErrorDetails) -> bool:
    """Whether an error says that a value as a whole is not of a type."""
    return found["type"].endswith("_type") and found["loc"][:-1] == _union(found)


def place_in(loc: Sequence[str | int], data: object) -> list[str | int]:
    """Return the place of an error in data, without the types that were tried."""
    place: list[str | int] = []
    here = data
    for part in loc:
        is_key = isinstance(here, Mapping) and part in here
        if isinstance(part, str) and not is_key:
            is_tried = data is not None and part in _JSON_BRANCHES
            if is_tried or _BRANCH.fullmatch(part):
                continue
        place.append(part)
        here = _inside(here, part)
    return place


def _inside(data: object, part: str | int) -> object:
    if isinstance(data, Mapping):
        return data.get(part)
    if isinstance(data, list | tuple) and isinstance(part, int):
        return data[part] if part < len(data) else None
    return None
