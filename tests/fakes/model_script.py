"""The language of the scripted model: a prompt is read as steps, a request as a turn.

Nothing here knows of HTTP; `scripted_model` serves what this module decides.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from fakes.model_calls import Step, ToolCall, call_for
from fakes.model_result import result_in

DIRECTIVE = re.compile(r'^[ \t"]*(WRITE|READ|RUN|ASK|SAY|FAULT)[ \t]+(.+?)[ \t"]*$')
INSTRUCTION = re.compile(r"^(?:[-*]|\d+[.)])?[ \t]*(?:Create|Write|Update) `([^`]+)`")
FINDING = re.compile(r'^> +"((?:Create|Write|Update) `[^`]+`.*?)",?$')
WAY = re.compile(r"^Do it in this way: (.+?)\. Others\b", re.MULTILINE)
PARTS = re.compile(r"\bfrom ((?:`[^`]+`(?:, and |, | and )?)+)")
POINTER = re.compile(r"`([^`\s]+)`|(?<![\w/])(/[^\s`'\"<>]+)")
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
NUMBERED = re.compile(r"^[ \t]*(\d+)(?:\t|: |\| ?)(.*)$")
TOTAL = re.compile(r"Total lines in file: (\d+)")

COMMENTS = {
    **dict.fromkeys((".ts", ".tsx", ".js", ".jsx", ".mjs", ".go", ".rs"), "// {}"),
    **dict.fromkeys((".css", ".c", ".h"), "/* {} */"),
    **dict.fromkeys((".html", ".svg", ".xml"), "<!-- {} -->"),
    **dict.fromkeys((".md", ".txt"), "{}"),
}


class Instruction(NamedTuple):
    """A line of plain language that asks for a file, and the parts it is made from."""

    path: str
    line: str
    parts: tuple[str, ...]


class Script(NamedTuple):
    """What one user message asks for."""

    steps: tuple[Step, ...] = ()
    say: str | None = None
    fault: str | None = None
    key: str = "none"


class Turn(NamedTuple):
    """The answer to one request: a tool call, or text; `step` is what it serves.

    `done` counts the steps that were done before.
    """

    script: Script
    answer: ToolCall | str
    step: Step | None = None
    done: int = 0


def content_for(path: str, line: str) -> str:
    """Tell what the model writes to a path for a line of plain language.

    The content names the path, the line and, where the line says `from`, every part.
    """
    line = line.strip()
    parts = parts_of(line)
    if PurePosixPath(path).suffix == ".json":
        asked = {"name": path, "asked": line, "parts": list(parts)}
        return json.dumps(asked, indent=2) + "\n"
    comment = COMMENTS.get(PurePosixPath(path).suffix, "# {}")
    said = [path, f"asked: {line}", *(f"part: {part}" for part in parts)]
    return "".join(comment.format(one) + "\n" for one in said)


def parts_of(line: str) -> tuple[str, ...]:
    """Return the paths in backticks that follow the word `from`."""
    found = PARTS.search(line)
    return tuple(re.findall(r"`([^`]+)`", found[1])) if found else ()


def instructions(text: str) -> list[Instruction]:
    """Return the lines of plain language in a prompt that ask for files, in order."""
    lines = (line.strip() for line in text.splitlines())
    return [
        Instruction(found[1], line, parts_of(line))
        for line in lines
        if (found := INSTRUCTION.match(line))
    ]


def read_script(text: str) -> Script | None:
    """Read one message as a script; None when nothing in it is meant for the model."""
    steps: list[Step] = []
    say, fault = None, None
    result = result_in(text)
    known = result is not None
    way = WAY.search(text)
    for line in text.splitlines():
        if found := DIRECTIVE.match(line):
            known = True
            word, rest = found[1], found[2]
            say = rest if word == "SAY" and say is None else say
            fault = rest if word == "FAULT" and fault is None else fault
            if word not in {"SAY", "FAULT"}:
                steps.append(_directed(word, rest))
        for path, asked, parts in instructions(_unquoted(line)):
            known = True
            told = f"{asked} In this way: {way[1]}" if way else asked
            steps += [Step("READ", part) for part in parts]
            steps.append(Step("WRITE", path, content_for(path, told)))
    return Script(tuple(steps), say or result, fault, _key(text)) if known else None


def _unquoted(line: str) -> str:
    """Return what a reviewer's finding asks for, and any other line as it is."""
    found = FINDING.match(line)
    return found[1] if found else line


def take_turn(
    body: Mapping[str, Any], *, looks: Sequence[str] = (), says: str = ""
) -> Turn:
    """Decide the answer to a chat-completions request from what it holds alone.

    A script of steps begins with `looks` into files and ends with what it `says`.
    """
    tools = offered(body)
    messages = body.get("messages") or []
    if not tools and _asks_for_title(messages):
        return Turn(Script(key="title"), "Scripted title")
    index, script = _newest(messages)
    if script.steps and looks:
        steps = (*(Step("READ", path) for path in looks), *script.steps)
        script = script._replace(steps=steps, say=script.say or says)
    said = messages[index + 1 :]
    done = sum(len(one.get("tool_calls") or ()) for one in said)
    # A model that is offered no way to ask goes on without.
    wanted = [one for one in script.steps if one.word != "ASK" or call_for(tools, one)]
    if done < len(wanted):
        step = wanted[done]
        call = call_for(tools, step)
        return Turn(script, call or f"No tool here for {step.word}.", step, done)
    return Turn(script, script.say or f"DONE {len(wanted)} step(s)", done=done)


def offered(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the tools of a request: name to JSON schema of the arguments."""
    functions = (tool.get("function") or tool for tool in body.get("tools") or ())
    return {one["name"]: one.get("parameters") or {} for one in functions}


def text_of(content: Any) -> str:
    """Flatten the content of a message, a string or a list of parts, to text."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text") or "") for part in content or ())


def _directed(word: str, rest: str) -> Step:
    if word != "WRITE":
        return Step(word, rest)
    path, _, content = rest.partition(" ")
    return Step(word, path, content.replace("\\n", "\n") + "\n")


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _asks_for_title(messages: Sequence[Mapping[str, Any]]) -> bool:
    system = (text_of(one.get("content")) for one in messages if _is(one, "system"))
    return any("title" in text.lower() for text in system)


def _is(message: Mapping[str, Any], *roles: str) -> bool:
    return message.get("role") in roles


def _newest(messages: Sequence[Mapping[str, Any]]) -> tuple[int, Script]:
    """Find the newest user message that is a script, or points to a file with one."""
    for index in range(len(messages) - 1, -1, -1):
        if not _is(messages[index], "user"):
            continue
        text = REMINDER.sub("", text_of(messages[index].get("content")))
        if script := read_script(text):
            return index, script
        if pointed := _pointed(text, messages[index + 1 :]):
            return index, pointed
    return len(messages), Script()


def _pointed(text: str, later: Iterable[Mapping[str, Any]]) -> Script | None:
    """Follow a message that only says which file to read: the file is the script."""
    where = POINTER.search(text)
    if not where or not re.search(r"\bread\b", text, re.IGNORECASE):
        return None
    path = (where[1] or where[2]).rstrip(".,;:)")
    steps, lines = [Step("READ", path)], list[str]()
    for result in (text_of(one.get("content")) for one in later if _is(one, "tool")):
        rows = [found for row in result.splitlines() if (found := NUMBERED.match(row))]
        lines += [row[2] for row in rows] or result.splitlines()
        last = int(rows[-1][1]) if rows else 0
        total = TOTAL.search(result)
        if not total or last >= int(total[1]):
            inner = read_script("\n".join(lines)) or Script()
            return inner._replace(steps=(*steps, *inner.steps), key=_key(text))
        steps.append(Step("READ", path, offset=last + 1))
    return Script(tuple(steps), key=_key(text))
