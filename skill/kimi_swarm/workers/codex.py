"""The `codex` dialect: Codex with `exec --json`.

From its documentation; not yet met with the program. A thread's id comes first; items
are read when they are completed; `turn.completed` is the proper end and holds the
turn's tokens (cached ones are among the input), `turn.failed` the improper one. A plain
`error` may be got over: it counts only if no turn ends behind it.
"""

from __future__ import annotations

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    RetryNoticed,
    TextWritten,
    UsageCounted,
)
from kimi_swarm.workers.fields import MAX_TEXT_CHARS, count_in, json_object, text_in
from kimi_swarm.workers.plain import bounded, clip
from kimi_swarm.workers.tool_summary import tool_events
from kimi_swarm.workers.word_fault import told_in_words

_TOOLS = ("command_execution", "file_change", "mcp_tool_call", "web_search")


class CodexDialect:
    """Reads the events of a thread."""

    def __init__(self) -> None:
        self._error: FailureTold | None = None

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means; JSON counts on standard output only."""
        spoken = None if is_stderr else json_object(line)
        events = None if spoken is None else self._event(spoken)
        return (
            [LineIgnored(bounded(line, MAX_TEXT_CHARS))] if events is None else events
        )

    def end(self) -> list[OutputEvent]:
        """Return the error that no turn got over."""
        return [] if self._error is None else [self._error]

    def _event(  # noqa: PLR0911 one arm per kind of event
        self, spoken: dict[str, object]
    ) -> list[OutputEvent] | None:
        match spoken:
            case {"type": "thread.started", "thread_id": str(known)} if known:
                return [ConversationKnown(clip(known, 200))]
            case {"type": "turn.started" | "item.started" | "item.updated"}:
                return []
            case {"type": "item.completed", "item": dict(item)}:
                return _item(item)
            case {"type": "turn.completed"}:
                self._error = None
                usage = spoken.get("usage")
                counted = [_usage(usage)] if isinstance(usage, dict) else []
                return [*counted, Finished("stop")]
            case {"type": "turn.failed"}:
                self._error = None
                return [told_in_words(_message_of(spoken.get("error")))]
            case {"type": "error"}:
                self._error = told_in_words(_message_of(spoken))
                return [
                    RetryNoticed(
                        self._error.failure, self._error.message, self._error.status
                    )
                ]
            case _:
                return None


def _item(item: dict[str, object]) -> list[OutputEvent] | None:
    match item:
        case {"type": "agent_message", "text": str(text)}:
            return [TextWritten(bounded(text, MAX_TEXT_CHARS))] if text else []
        case {"type": str(kind)} if kind in _TOOLS:
            return tool_events(text_in(item.get("tool")) or kind, _arguments(item))
        case {"type": "error"}:
            return [LineIgnored(clip(_message_of(item), MAX_TEXT_CHARS))]
        case _:
            return []


def _arguments(item: dict[str, object]) -> object:
    match item:
        case {"changes": [{"path": str(path)}, *_]}:
            return {"path": path}
        case {"arguments": arguments}:
            return arguments
        case _:
            return item


def _message_of(told: object) -> str:
    return text_in(told.get("message")) if isinstance(told, dict) else text_in(told)


def _usage(usage: dict[str, object]) -> UsageCounted:
    reasoning = count_in(usage.get("reasoning_output_tokens"))
    return UsageCounted(
        input_tokens=count_in(usage.get("input_tokens")),
        cached_tokens=count_in(usage.get("cached_input_tokens")),
        output_tokens=max(0, count_in(usage.get("output_tokens")) - reasoning),
        reasoning_tokens=reasoning,
    )
