"""The `claude` dialect: Claude Code and Qwen Code with `--output-format stream-json`.

From their documentation; not yet met with the programs. `system` lines open the
conversation and tell of retries, `assistant` lines hold what the model said and called,
the one `result` line closes it: with the turn's tokens and cost, and with the reason if
it did not end well. Tokens of single messages are left alone, for the result holds
their sum.
"""

from __future__ import annotations

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    RetryNoticed,
    TextWritten,
    UsageCounted,
)
from kimi_swarm.workers.fields import (
    MAX_TEXT_CHARS,
    amount_in,
    count_in,
    json_object,
    status_in,
    text_in,
)
from kimi_swarm.workers.plain import bounded, clip
from kimi_swarm.workers.tool_summary import tool_events
from kimi_swarm.workers.word_fault import told_in_words

# A turn that was cut by a limit of the program's own: an end, not a fault.
_CUT = ("error_max_turns", "error_max_budget_usd")


class ClaudeDialect:
    """Reads the messages of Claude Code and of programs that speak alike."""

    def __init__(self) -> None:
        self._conversation = ""

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means; JSON counts on standard output only."""
        spoken = None if is_stderr else json_object(line)
        events = None if spoken is None else _event(spoken)
        if spoken is None or events is None:
            return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
        return [*self._id_of(spoken), *events]

    def end(self) -> list[OutputEvent]:
        """Return nothing: the result line says all there is."""
        return []

    def _id_of(self, spoken: dict[str, object]) -> list[OutputEvent]:
        known = clip(text_in(spoken.get("session_id")), 200)
        if not known or known == self._conversation:
            return []
        self._conversation = known
        return [ConversationKnown(known)]


def _event(spoken: dict[str, object]) -> list[OutputEvent] | None:
    match spoken:
        case {"type": "system", "subtype": "api_retry"}:
            told = told_in_words(
                text_in(spoken.get("error")), status_in(spoken.get("error_status"))
            )
            return [RetryNoticed(told.failure, told.message, told.status)]
        case {"type": "system" | "user"}:
            return []
        case {"type": "assistant", "message": {"content": list(parts)}}:
            return [event for part in parts for event in _part(part)]
        case {"type": "result"}:
            return _result(spoken)
        case _:
            return None


def _part(part: object) -> list[OutputEvent]:
    match part:
        case {"type": "text", "text": str(text)} if text.strip():
            return [TextWritten(bounded(text, MAX_TEXT_CHARS))]
        case {"type": "tool_use", "name": str(name), **rest}:
            return tool_events(name, rest.get("input"))
        case _:
            return []


def _result(spoken: dict[str, object]) -> list[OutputEvent]:
    events: list[OutputEvent] = []
    if isinstance(usage := spoken.get("usage"), dict):
        events.append(_usage(usage, amount_in(spoken.get("total_cost_usd"))))
    subtype = clip(text_in(spoken.get("subtype")), 100) or "unknown"
    if subtype in _CUT:
        return [*events, Finished(subtype, is_proper=False)]
    if subtype == "success" and spoken.get("is_error") is not True:
        return [*events, Finished("stop")]
    return [*events, _failure(spoken, subtype)]


def _failure(spoken: dict[str, object], subtype: str) -> FailureTold:
    errors = spoken.get("errors")
    listed = [text for text in errors if text] if isinstance(errors, list) else []
    words = text_in(spoken.get("result")) or "; ".join(map(text_in, listed))
    match spoken.get("error"):
        case str(text) | {"message": str(text)}:
            words = words or text
        case _:
            pass
    if not words:
        return FailureTold(FailureClass.OTHER, subtype)
    return told_in_words(words, status_in(spoken.get("api_error_status")))


def _usage(usage: dict[str, object], cost_usd: float | None) -> UsageCounted:
    read = count_in(usage.get("cache_read_input_tokens"))
    written = count_in(usage.get("cache_creation_input_tokens"))
    return UsageCounted(
        input_tokens=count_in(usage.get("input_tokens")) + read + written,
        cached_tokens=read,
        output_tokens=count_in(usage.get("output_tokens")),
        cost_usd=cost_usd,
    )
