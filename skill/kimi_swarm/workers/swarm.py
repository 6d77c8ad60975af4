"""The `swarm` dialect: JSON lines that any program can be made to speak.

Print one JSON object a line on standard output and flush it. `event` says what it is;
every other field may be left out unless marked with a star.

    {"event": "started", "conversation": "abc"}
    {"event": "text", "text": "Header done."}                                text*
    {"event": "tool", "name": "Write", "summary": "Write src/Header.tsx"}    name*
    {"event": "question", "text": "Which colour?"}                           text*
    {"event": "usage", "input_tokens": 900, "cached_tokens": 0,
     "output_tokens": 40, "reasoning_tokens": 0, "cost_usd": 0.001,
     "requests": 1, "model": "some-model"}
    {"event": "retry", "class": "rate_limit", "status": 429, "message": "…"}
    {"event": "error", "class": "auth", "status": 401, "message": "…"}
    {"event": "finished", "reason": "stop", "proper": true}

`conversation` is the id by which the program could go on later. The last `text` is the
program's answer. `usage` counts one step, and says how many requests that took; steps
are added up. `class` is one of auth, quota, rate_limit, provider, bad_request,
unknown_model, not_configured, budget, other; after rate_limit and provider the same
task may succeed later. `retry` is a fault the program got over by itself, `error` one
that made it give up. `finished` ends the turn; say `"proper": false` if the reason is
not a good one. An event may not be over 1 MiB.

Standard error, lines that are not JSON objects, unknown events and events without a
starred field are kept for the reader of logs and mean nothing else.
"""

from __future__ import annotations

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    QuestionAsked,
    RetryNoticed,
    TextWritten,
    ToolUsed,
    UsageCounted,
)
from kimi_swarm.workers.fields import (
    MAX_MESSAGE_CHARS,
    MAX_TEXT_CHARS,
    amount_in,
    count_in,
    count_or_none,
    json_object,
    model_in,
    status_in,
    text_in,
)
from kimi_swarm.workers.plain import bounded, clip


class SwarmDialect:
    """Reads our own JSON lines."""

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return the event that the line spells."""
        spoken = None if is_stderr else json_object(line)
        known = None if spoken is None else _event(spoken)
        return [LineIgnored(bounded(line, MAX_TEXT_CHARS))] if known is None else known

    def end(self) -> list[OutputEvent]:
        """Return nothing: the program said all there is."""
        return []


def _event(  # noqa: PLR0911 one arm per kind of event
    spoken: dict[str, object],
) -> list[OutputEvent] | None:
    match spoken:
        case {"event": "started", "conversation": str(known)} if known:
            return [ConversationKnown(clip(known, 200))]
        case {"event": "started"}:
            return []
        case {"event": "text", "text": str(text)}:
            return [TextWritten(bounded(text, MAX_TEXT_CHARS))]
        case {"event": "tool", "name": str(name)}:
            summary = text_in(spoken.get("summary")) or name
            return [ToolUsed(clip(name, 100), clip(summary, MAX_MESSAGE_CHARS))]
        case {"event": "question", "text": str(text)}:
            return [QuestionAsked(clip(text, MAX_MESSAGE_CHARS))]
        case {"event": "usage"}:
            return [_usage(spoken)]
        case {"event": "retry"}:
            return [RetryNoticed(*_fault(spoken))]
        case {"event": "error"}:
            return [FailureTold(*_fault(spoken))]
        case {"event": "finished"}:
            reason = clip(text_in(spoken.get("reason")), 100) or "stop"
            return [Finished(reason, is_proper=spoken.get("proper", True) is True)]
        case _:
            return None


def _usage(spoken: dict[str, object]) -> UsageCounted:
    return UsageCounted(
        input_tokens=count_in(spoken.get("input_tokens")),
        cached_tokens=count_in(spoken.get("cached_tokens")),
        output_tokens=count_in(spoken.get("output_tokens")),
        reasoning_tokens=count_in(spoken.get("reasoning_tokens")),
        cost_usd=amount_in(spoken.get("cost_usd")),
        requests=count_or_none(spoken.get("requests")),
        model=model_in(spoken.get("model")),
    )


def _fault(spoken: dict[str, object]) -> tuple[FailureClass, str, int | None]:
    try:
        failure = FailureClass(text_in(spoken.get("class")))
    except ValueError:
        failure = FailureClass.OTHER
    message = clip(text_in(spoken.get("message")), MAX_MESSAGE_CHARS)
    return failure, message, status_in(spoken.get("status"))
