"""`make manifest`: the actions in manifest.yaml, and the schemas of their answers.

Both are written from the models that the code uses; a test fails when they are stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from kimi_swarm.calls.answers import ANSWERS
from kimi_swarm.calls.catalogue import CALLS, summary_of
from kimi_swarm.calls.schema import compact, error_schema, input_schema
from kimi_swarm.calls.told import Told
from kimi_swarm.config import ACTIONS_MARK

ROOT = Path(__file__).resolve().parents[1]
ANSWERS_FILE = Path("docs", "answers.schema.json")


def with_actions(text: str) -> str:
    """Return the text of a manifest with its actions written anew at its end."""
    own, _, _ = text.partition(ACTIONS_MARK)
    return f"{own.rstrip()}\n\n{ACTIONS_MARK}{_actions()}"


def _actions() -> str:
    lines = [
        " `make manifest` writes all that follows.",
        "# What may be asked for, by a command line, MCP or Python, and what it takes.",
        f"# `answers` names the shapes of the result in {ANSWERS_FILE}.",
        "actions:",
    ]
    for name in CALLS:
        schema = input_schema(name)
        lines += [
            f"  - name: {name}",
            f"    summary: {json.dumps(summary_of(name))}",
            f"    answers: [{', '.join(_name(model) for model in ANSWERS[name])}]",
            "    input:",
            "      type: object",
            "      additionalProperties: false",
        ]
        if "required" in schema:
            lines.append(f"      required: [{', '.join(schema['required'])}]")
        lines.append("      properties:")
        for field, told in schema["properties"].items():
            lines.append(f"        {field}: {_flow(told)}")
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    """Write plain data as JSON, which is YAML too, the type first."""
    if isinstance(value, dict) and "type" in value:
        value = {"type": value["type"], **value}
    return json.dumps(value, ensure_ascii=False)


def answers_text() -> str:
    """Write the schemas of all answers as one JSON document."""
    models: list[type[Told]] = list(
        dict.fromkeys(model for name in ANSWERS for model in ANSWERS[name])
    )
    _, made = models_json_schema([(model, "validation") for model in models])
    parts = {_short(name): _short_refs(part) for name, part in made["$defs"].items()}
    # One line each, so that a change shows in which of them it is.
    lines = [
        '"description": "What --json prints: one of these, with a version beside it."',
        f'"error": {json.dumps(error_schema())}',
        *_answer_lines(),
    ]
    told = ",\n".join(
        f" {json.dumps(name)}: {json.dumps(compact(parts[name]), ensure_ascii=False)}"
        for name in sorted(parts)
    )
    joined = ",\n".join(lines)
    return f'{{{joined},\n"$defs": {{\n{told}\n}}}}\n'


def _answer_lines() -> list[str]:
    names = {name: [_name(model) for model in ANSWERS[name]] for name in ANSWERS}
    return [f'"answers": {json.dumps(names)}']


def _name(model: type[Told]) -> str:
    return _short(model.__name__)


def _short(name: str) -> str:
    return name.removesuffix("Told") or name


def _short_refs(node: Any) -> Any:
    if isinstance(node, list):
        return [_short_refs(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _short_refs(value) for key, value in node.items()}
    if isinstance(ref := made.get("$ref"), str):
        made["$ref"] = _short(ref)
    return made


def main() -> int:
    """Write both files."""
    path = ROOT / "manifest.yaml"
    path.write_text(with_actions(path.read_text("utf-8")), "utf-8")
    (ROOT / ANSWERS_FILE).write_text(answers_text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
