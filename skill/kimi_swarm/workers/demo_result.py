"""A made-up result that fits a JSON schema, for the demo worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAX_DEPTH = 20
_OF_TYPE = {"boolean": True, "null": None}
_ASSERTING = (
    ("properties", "object"),
    ("required", "object"),
    ("items", "array"),
    ("prefixItems", "array"),
)


def example(schema: object) -> Any:
    """Return a value for a schema, as plain as can be; it fits most schemas.

    Patterns and conditions are not solved: there an example in the schema helps.
    """
    return _example(schema, schema, 0)


def _example(schema: object, root: object, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return "demo"
    schema = _whole(schema, root, depth)
    if given := _given(schema):
        return given[0]
    kind = _type(schema)
    match kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            return _array(schema, root, depth)
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case _:
            return _text(schema) if kind == "string" else _OF_TYPE.get(kind)


def _given(schema: Mapping[str, Any]) -> Sequence[Any]:
    """Return the values that a schema itself gives, if any."""
    alone = [schema[word] for word in ("const", "default") if word in schema]
    return alone or schema.get("examples") or schema.get("enum") or ()


def _text(schema: Mapping[str, Any]) -> str:
    filled = "demo".ljust(int(schema.get("minLength", 0)), ".")
    return filled[: schema.get("maxLength")]


def _whole(schema: Mapping[str, Any], root: object, depth: int) -> Mapping[str, Any]:
    """Return a schema with what it refers to, its parts, and one of its choices."""
    parts: list[object] = []
    if "$ref" in schema:
        parts.append(_referred(str(schema["$ref"]), root))
    parts += schema.get("allOf", ())
    for choice in ("anyOf", "oneOf"):
        parts += schema.get(choice, ())[:1]
    merged = dict(schema)
    for part in parts:
        if isinstance(part, Mapping) and depth < MAX_DEPTH:
            merged = _both(merged, _whole(part, root, depth + 1))
    return merged


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**other, **one}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def _referred(reference: str, root: object) -> object:
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _type(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return kinds
    if isinstance(kinds, Sequence) and kinds:
        return str(kinds[0])
    return next((kind for word, kind in _ASSERTING if word in schema), "string")


def _object(schema: Mapping[str, Any], root: object, depth: int) -> dict[str, Any]:
    known = schema.get("properties", {})
    wanted = list(dict.fromkeys(schema.get("required", ())))
    # What may be left out is left out where that might never end.
    names = [*wanted, *(name for name in known if name not in wanted)]
    shown = names if depth < MAX_DEPTH // 4 else wanted
    return {name: _example(known.get(name, True), root, depth + 1) for name in shown}


def _array(schema: Mapping[str, Any], root: object, depth: int) -> list[Any]:
    first = [_example(each, root, depth + 1) for each in schema.get("prefixItems", ())]
    count = max(int(schema.get("minItems", 0)), 1 if depth < MAX_DEPTH // 4 else 0)
    count = min(count, schema.get("maxItems", count))
    more = max(0, count - len(first))
    if not more:
        return first
    item = _example(schema.get("items", True), root, depth + 1)
    is_text = schema.get("uniqueItems") and isinstance(item, str)
    return [*first, *(f"{item}-{n}" if is_text and n else item for n in range(more))]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    value = max(schema.get("minimum", 0), schema.get("exclusiveMinimum", -1) + 1)
    value = min(value or 1, schema.get("maximum", value or 1))
    if "exclusiveMaximum" in schema:
        value = min(value, schema["exclusiveMaximum"] - 1)
    step = schema.get("multipleOf")
    if step:
        value = -(-value // step) * step
    return int(value) if whole else value
