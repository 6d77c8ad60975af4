"""A tool call told in one short line, whichever program made it."""

from __future__ import annotations

from kimi_swarm.core.output import OutputEvent, QuestionAsked, ToolUsed
from kimi_swarm.workers.fields import json_object, text_in
from kimi_swarm.workers.plain import clip

MAX_SUMMARY_CHARS = 160

# The argument that tells a reader most, whichever tool it is.
_TELLING = (
    *("path", "file_path", "filePath", "absolute_path", "command", "pattern"),
    *("query", "url", "description"),
)


# The tools by which models ask the person, whichever program has them.
_ASKING = frozenset({"question", "askuserquestion", "askuser", "askquestion"})


def tool_events(name: str, arguments: object) -> list[OutputEvent]:
    """Return the call with its most telling argument, and the question if it asks one.

    JSON text counts as arguments.
    """
    given = json_object(arguments) if isinstance(arguments, str) else arguments
    given = given if isinstance(given, dict) else {}
    telling = next((given[key] for key in _TELLING if text_in(given.get(key))), "")
    used = ToolUsed(clip(name, 100), clip(f"{name} {telling}", MAX_SUMMARY_CHARS))
    if name.lower().replace("_", "") not in _ASKING:
        return [used]
    return [used, QuestionAsked(clip(_question(given), MAX_SUMMARY_CHARS))]


def _question(given: dict[str, object]) -> str:
    listed = given.get("questions")
    first = listed[0] if isinstance(listed, list) and listed else given
    found = text_in(first.get("question")) if isinstance(first, dict) else ""
    return found or "a question"
