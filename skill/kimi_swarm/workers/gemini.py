"""The `gemini` dialect: Gemini CLI with `--output-format stream-json`.

From its documentation; not yet met with the program. What the model says comes in
pieces, told here as one text when something else follows. `error` lines are warnings or
faults that may be got over; `result` closes the turn, with its tokens, and with the
fault that counts if there was one.
"""

from __future__ import annotations

from kimi_swarm.core.output import (
    ConversationKnown,
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


class GeminiDialect:
    """Reads Gemini CLI's events; pieces of text are joined."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0

    @property
    def holds_back(self) -> bool:
        """Whether pieces of a text wait for the rest of it."""
        return bool(self._pieces)

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means; JSON counts on standard output only."""
        spoken = None if is_stderr else json_object(line)
        match spoken:
            case {
                "type": "message",
                "role": "assistant",
                "content": str(piece),
                **rest,
            }:
                return self._piece(piece, is_part=rest.get("delta") is True)
            case _:
                events = None if spoken is None else _event(spoken)
        if events is None:
            return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
        return [*self._said(), *events]

    def end(self) -> list[OutputEvent]:
        """Return the text that was being said."""
        return self._said()

    def _piece(self, piece: str, *, is_part: bool) -> list[OutputEvent]:
        before = [] if is_part else self._said()
        if self._chars <= MAX_TEXT_CHARS:
            self._pieces.append(piece)
            self._chars += len(piece)
        return before if is_part else [*before, *self._said()]

    def _said(self) -> list[OutputEvent]:
        text = "".join(self._pieces)
        self._pieces, self._chars = [], 0
        return [TextWritten(bounded(text, MAX_TEXT_CHARS))] if text.strip() else []


def _event(spoken: dict[str, object]) -> list[OutputEvent] | None:
    match spoken:
        case {"type": "init", "session_id": str(known)} if known:
            return [ConversationKnown(clip(known, 200))]
        case {"type": "init" | "message" | "tool_result"}:
            return []
        case {"type": "tool_use", "tool_name": str(name)}:
            return tool_events(name, spoken.get("parameters"))
        case {"type": "error", "severity": "error"}:
            told = told_in_words(text_in(spoken.get("message")))
            return [RetryNoticed(told.failure, told.message, told.status)]
        case {"type": "result"}:
            return _result(spoken)
        case _:
            return None


def _result(spoken: dict[str, object]) -> list[OutputEvent]:
    stats = spoken.get("stats")
    counted: list[OutputEvent] = [_usage(stats)] if isinstance(stats, dict) else []
    status = clip(text_in(spoken.get("status")), 100) or "unknown"
    match spoken.get("error"):
        case {"message": str(message)}:
            return [*counted, told_in_words(message)]
        case _ if status == "success":
            return [*counted, Finished("stop")]
        case _:
            return [*counted, Finished(status, is_proper=False)]


def _usage(stats: dict[str, object]) -> UsageCounted:
    return UsageCounted(
        input_tokens=count_in(stats.get("input_tokens")),
        cached_tokens=count_in(stats.get("cached")),
        output_tokens=count_in(stats.get("output_tokens")),
    )
