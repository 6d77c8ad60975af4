"""JSON schemas: whether one can be used, and whether a value fits it. Slow to import.

A schema comes from whoever wrote the plan, a value from a worker. Nothing is ever
fetched: a schema may refer only to itself.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import Any

from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from kimi_swarm.core.result import Misfit, nesting
from kimi_swarm.workers.plain import clip

SCHEMA_BYTES = 65_536
SCHEMA_DEPTH = 40
CHECK_CPU_S = 1.0
MOST_MISFITS = 11
SENTENCE_CHARS = 300
PATH_CHARS = 120
_STANDARD = str(Draft202012Validator.META_SCHEMA["$schema"])
_DIALECTS: dict[str, type[Validator]] = {
    dialect: kind
    for kind in (
        Draft4Validator,
        Draft6Validator,
        Draft7Validator,
        Draft201909Validator,
        Draft202012Validator,
    )
    for name in [str(kind.META_SCHEMA["$schema"])]
    for dialect in (name, name.rstrip("#"))
}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_SAMPLES: tuple[Any, ...] = ({}, [], "", 0, None)


class _TooLongError(Exception):
    """Raised inside this module when a check used up its time."""


def schema_problem(schema: dict[str, Any]) -> str | None:
    """Return why a schema cannot be used, as the rest of a sentence; None if it can."""
    text = json.dumps(schema)
    if len(text) > SCHEMA_BYTES:
        return f"is longer than {SCHEMA_BYTES // 1024} KiB"
    if nesting(schema, most=SCHEMA_DEPTH) > SCHEMA_DEPTH:
        return f"is nested deeper than {SCHEMA_DEPTH}"
    dialect = schema.get("$schema", _STANDARD)
    if not isinstance(dialect, str) or dialect not in _DIALECTS:
        return f"names a $schema that is not known: {clip(str(dialect), 80)}"
    try:
        with _bounded():
            _kind(schema).check_schema(schema)
            return _reference_problem(schema) or _loop_problem(schema)
    except SchemaError as error:
        where = _path(error)
        told = f"at {where}: " if where else ""
        return f"is no JSON schema: {told}{_sentence(error)}".rstrip(".")
    except _TooLongError:
        return "takes too long to check"


def misfits(value: Any, schema: dict[str, Any]) -> list[Misfit]:
    """Return by what a value does not fit a schema, at most 11; empty if it fits.

    One that takes more than a second to check does not fit either. To be called in
    the main thread: elsewhere it may take as long as it takes.
    """
    try:
        with _bounded():
            errors = islice(_validator(schema).iter_errors(value), MOST_MISFITS)
            return [Misfit(_path(error), _sentence(error)) for error in errors]
    except _TooLongError:
        return [Misfit("", f"It takes more than {CHECK_CPU_S:g} s to check.")]
    except (Unresolvable, RecursionError, ArithmeticError, ValueError) as error:
        told = clip(f"{type(error).__name__}: {error}", SENTENCE_CHARS)
        return [Misfit("", f"It cannot be checked ({told}).")]


def _validator(schema: dict[str, Any]) -> Validator:
    # An empty registry: what is not in the schema itself cannot be found anywhere.
    return _kind(schema)(schema, registry=Registry())


def _kind(schema: dict[str, Any]) -> type[Validator]:
    return _DIALECTS[str(schema.get("$schema", _STANDARD))]


def _reference_problem(schema: dict[str, Any]) -> str | None:
    specification = specification_with(str(schema.get("$schema", _STANDARD)))
    root = Resource.from_contents(schema, default_specification=specification)
    resolver = Registry().resolver_with_root(root)
    open_resources: list[Resource[Any]] = [root]
    while open_resources:
        resource = open_resources.pop()
        open_resources += resource.subresources()
        contents = resource.contents
        if not isinstance(contents, dict):
            continue
        if resource is not root and "$id" in contents:
            return "gives an $id to a part of itself; only the whole may have one"
        for name in _REFERENCES:
            reference = contents.get(name, "#")
            told = clip(str(reference), 80)
            if not str(reference).startswith("#"):
                return f"refers to {told}; only references into itself (#…) are used"
            try:
                resolver.lookup(str(reference))
            except (Unresolvable, ValueError, TypeError):
                return f"refers to {told}, which is not in it"
    return None


def _loop_problem(schema: dict[str, Any]) -> str | None:
    validator = _validator(schema)
    try:
        for sample in _SAMPLES:
            next(validator.iter_errors(sample), None)
    except RecursionError:
        return "refers to itself without end"
    except Unresolvable as error:
        return f"refers to what is not in it: {clip(str(error), 80)}"
    return None


@contextmanager
def _bounded() -> Iterator[None]:
    """End what takes too long: a pattern may need for ever on the wrong text.

    Counted is this process's own time on a processor, not what others make it wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, end)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, CHECK_CPU_S)
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _path(error: ValidationError | SchemaError) -> str:
    path = ""
    for part in error.absolute_path:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return clip(path, PATH_CHARS)


def _sentence(error: ValidationError | SchemaError) -> str:
    return clip(error.message, SENTENCE_CHARS).rstrip(".") + "."
