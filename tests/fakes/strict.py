"""A schema that lets nothing pass that it does not name."""

from __future__ import annotations

from typing import Any

import jsonschema


def misfits(schema: dict[str, Any], found: object) -> list[str]:
    """Return by what an object does not fit a schema to which nothing may be added.

    Of a choice of schemas it says that of the one which is nearest.
    """
    check = jsonschema.Draft202012Validator(_closed(schema))
    return [told for error in check.iter_errors(found) for told in _leaves(error)]


def _leaves(error: jsonschema.ValidationError) -> list[str]:
    by_choice: dict[Any, list[str]] = {}
    for each in error.context or ():
        by_choice.setdefault(each.schema_path[0], []).extend(_leaves(each))
    if by_choice:
        return min(by_choice.values(), key=len)
    return [f"{error.json_path}: {error.message}"]


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _closed(value) for key, value in node.items()}
    if "properties" in made and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made
