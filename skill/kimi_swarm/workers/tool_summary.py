"""A tool call told in one short line, whichever program made it."""

from __future__ import annotations

from kimi_swarm.core.output import ToolUsed
from kimi_swarm.workers.fields import json_object, text_in
from kimi_swarm.workers.plain import clip

MAX_SUMMARY_CHARS = 160

# The argument that tells a reader most, whichever tool it is.
_TELLING = (
    *("path", "file_path", "filePath", "absolute_path", "command", "pattern"),
    *("query", "url", "description"),
)


def tool_used(name: str, arguments: object) -> ToolUsed:
    """Return the call with its most telling argument; JSON text counts as arguments."""
    given = json_object(arguments) if isinstance(arguments, str) else arguments
    telling = ""
    if isinstance(given, dict):
        telling = next((given[key] for key in _TELLING if text_in(given.get(key))), "")
    return ToolUsed(clip(name, 100), clip(f"{name} {telling}", MAX_SUMMARY_CHARS))
