"""One step of the scripted model, put in terms of the tools that a client offers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

WRITE_TOOLS = ("write", "write_file", "writefile", "create_file", "write_to_file")
READ_TOOLS = ("read", "read_file", "readfile", "view")
ASK_TOOLS = ("question", "askuserquestion", "ask_user_question", "askuser")
SHELL_TOOLS = ("bash", "shell", "run_shell_command", "execute_command")
PATH_KEYS = ("path", "filepath", "file", "filename", "absolutepath")
CONTENT_KEYS = ("content", "contents", "text")
COMMAND_KEYS = ("command", "cmd")
OFFSET_KEYS = ("lineoffset", "offset")

Tools = Mapping[str, Mapping[str, Any]]


class Step(NamedTuple):
    """One thing the model does: a word of the language, what it acts on, its text."""

    word: str
    target: str
    text: str = ""
    offset: int = 1


class ToolCall(NamedTuple):
    """A call of one of the tools the client offered."""

    name: str
    arguments: dict[str, Any]


class ToolCalls(NamedTuple):
    """Several calls in one message; a client may run them at the same time."""

    calls: tuple[ToolCall, ...]


Answer = ToolCall | ToolCalls | str
"""What a model says: calls of tools, or words that end its turn."""


def calls_of(answer: Answer) -> tuple[ToolCall, ...]:
    """Return the calls of an answer, none of words."""
    match answer:
        case ToolCalls(calls):
            return calls
        case ToolCall():
            return (answer,)
        case str():
            return ()


def call_for(tools: Tools, step: Step) -> ToolCall | None:
    """Put a step in terms of the tools the client offers; None if it has none."""
    if step.word == "RUN":
        return _shell(tools, step.target)
    if step.word == "ASK":
        return _ask(tools, step.target)
    if step.word == "READ":
        values: list[tuple[Sequence[str], Any]] = [(PATH_KEYS, step.target)]
        values += [(OFFSET_KEYS, step.offset)] if step.offset > 1 else []
        return _fill(tools, READ_TOOLS, values)
    values = [(PATH_KEYS, step.target), (CONTENT_KEYS, step.text)]
    if call := _fill(tools, WRITE_TOOLS, values):
        return call
    path, text = shlex.quote(step.target), shlex.quote(step.text)
    folder = shlex.quote(str(PurePosixPath(step.target).parent))
    return _shell(tools, f"mkdir -p {folder} && printf %s {text} > {path}")


def _ask(tools: Tools, question: str) -> ToolCall | None:
    """Ask the person by the client's own tool, whatever it wants to be told."""
    lower = {name.lower(): name for name in tools}
    name = next((lower[one] for one in ASK_TOOLS if one in lower), None)
    if name is None:
        return None
    arguments = _sample(tools[name], question)
    return ToolCall(name, arguments if isinstance(arguments, dict) else {})


def _sample(schema: Mapping[str, Any], text: str) -> Any:
    """Make up a value that a JSON schema allows, with `text` for its texts."""
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            fields = schema.get("properties") or {}
            return {
                field: _sample(fields.get(field) or {}, text)
                for field in schema.get("required") or ()
            }
        case "array":
            count = max(1, int(schema.get("minItems") or 1))
            items = schema.get("items") or {}
            return [_sample(items, f"{text} {n + 1}") for n in range(count)]
        case "boolean":
            return False
        case "integer" | "number":
            return 1
        case _:
            return text[: int(schema.get("maxLength") or 200)]


def _shell(tools: Tools, command: str) -> ToolCall | None:
    return _fill(tools, SHELL_TOOLS, [(COMMAND_KEYS, command)])


def _fill(
    tools: Tools, names: Sequence[str], values: Sequence[tuple[Sequence[str], Any]]
) -> ToolCall | None:
    """Call the first tool of that kind; required arguments left over go by type."""
    lower = {name.lower(): name for name in tools}
    name = next((lower[one] for one in names if one in lower), None)
    if name is None:
        return None
    fields = tools[name].get("properties") or {}
    known = {field.lower().replace("_", ""): field for field in fields}
    arguments: dict[str, Any] = {}
    for keys, value in values:
        if field := next((known[key] for key in keys if key in known), None):
            is_list = fields[field].get("type") == "array"
            arguments[field] = ["bash", "-c", value] if is_list else value
    for field in tools[name].get("required") or ():
        arguments.setdefault(field, _any_of(fields.get(field) or {}))
    return ToolCall(name, arguments)


def _any_of(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    by_type = {"integer": 60, "number": 60, "boolean": False, "array": [], "object": {}}
    return by_type.get(str(schema.get("type")), "scripted")
