"""Chat messages as the Kimi programs print them: text, tool calls, tool results."""

from __future__ import annotations

from kimi_swarm.core.output import OutputEvent, TextWritten
from kimi_swarm.workers.fields import MAX_TEXT_CHARS, text_in
from kimi_swarm.workers.plain import bounded
from kimi_swarm.workers.tool_summary import tool_events

MAX_RESULT_CHARS = 300


def assistant_events(message: dict[str, object]) -> list[OutputEvent] | None:
    """Return what the model said and called, or None if the message holds neither."""
    events: list[OutputEvent] = []
    text = text_of(message.get("content"))
    if text.strip():
        events.append(TextWritten(bounded(text, MAX_TEXT_CHARS)))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        match call:
            case {"function": {"name": str(name), **rest}}:
                events += tool_events(name, rest.get("arguments"))
            case _:
                pass
    return events or None


def text_of(content: object) -> str:
    """Return the text of a message's content, a string or a list of parts."""
    if not isinstance(content, list):
        return text_in(content)
    parts = []
    for part in content:
        match part:
            case str(text) | {"type": "text", "text": str(text)}:
                parts.append(text)
            case _:
                pass
    return "\n".join(parts)
