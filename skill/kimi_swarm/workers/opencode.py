"""The `opencode` dialect: Kilo 7.x and OpenCode with `run --format json`.

Standard output holds one JSON event a line, each with the conversation's id. A step
tells its own tokens and cost, so steps are added up. The last step's reason is the end
of the turn: only `stop` is a proper one; a stream that broke off says `other`. Any
`error` event (an object or a plain sentence) is a failure, whatever the exit code. Of
several the first that names a known fault counts: a general one often comes before it
or behind it. Nothing is told of retries, and what stands on standard error is for the
reader of logs.
"""

from __future__ import annotations

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    TextWritten,
    UsageCounted,
)
from kimi_swarm.workers.fields import (
    MAX_TEXT_CHARS,
    amount_in,
    count_in,
    json_object,
    mapping_in,
    text_in,
)
from kimi_swarm.workers.plain import bounded, clip
from kimi_swarm.workers.tool_summary import tool_events

_BETWEEN_STEPS = "tool-calls"


class OpencodeDialect:
    """Reads the events of Kilo and OpenCode."""

    def __init__(self) -> None:
        self._conversation = ""
        self._failure: FailureTold | None = None
        self._reason: str | None = None
        self._has_finished = False

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means; JSON counts on standard output only."""
        spoken = None if is_stderr else json_object(line)
        events = None if spoken is None else self._event(spoken)
        if spoken is None or events is None:
            return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
        return [*self._id_of(spoken), *events]

    def end(self) -> list[OutputEvent]:
        """Return that the turn did not end if output stops within it."""
        if self._failure is not None:
            return []
        if self._reason == _BETWEEN_STEPS:
            return [Finished(_BETWEEN_STEPS, is_proper=False)]
        if self._reason is None and self._has_finished:
            return [Finished("a step after the end", is_proper=False)]
        return []

    def _event(self, spoken: dict[str, object]) -> list[OutputEvent] | None:
        match spoken:
            case {"type": "step_start"}:
                self._reason = None
                return []
            case {"type": "text", "part": {"text": str(text)}}:
                return [TextWritten(bounded(text, MAX_TEXT_CHARS))] if text else []
            case {"type": "tool_use", "part": {"tool": str(name), **called}}:
                return tool_events(name, mapping_in(called.get("state")).get("input"))
            case {"type": "step_finish"}:
                return self._step_finished(mapping_in(spoken.get("part")))
            case {"type": "error", "error": told}:
                return self._failed(told)
            case _:
                return None

    def _id_of(self, spoken: dict[str, object]) -> list[OutputEvent]:
        known = clip(text_in(spoken.get("sessionID")), 200)
        if not known or known == self._conversation:
            return []
        self._conversation = known
        return [ConversationKnown(known)]

    def _step_finished(self, part: dict[str, object]) -> list[OutputEvent]:
        self._reason = clip(text_in(part.get("reason")), 100) or "unknown"
        events: list[OutputEvent] = []
        if (counted := _usage(part)) is not None:
            events.append(counted)
        if self._reason != _BETWEEN_STEPS:
            self._has_finished = True
            is_proper = self._reason == "stop"
            events.append(Finished(self._reason, is_proper=is_proper))
        return events

    def _failed(self, told: object) -> list[OutputEvent]:
        from kimi_swarm.workers.opencode_fault import (  # noqa: PLC0415 rarely needed
            failure_of,
        )

        failure = failure_of(told)
        if self._failure is None or (
            self._failure.failure is FailureClass.OTHER
            and failure.failure is not FailureClass.OTHER
        ):
            self._failure = failure
            return [failure]
        return [LineIgnored(failure.message)]


def _usage(part: dict[str, object]) -> UsageCounted | None:
    tokens = mapping_in(part.get("tokens"))
    cache = mapping_in(tokens.get("cache"))
    read, written = count_in(cache.get("read")), count_in(cache.get("write"))
    said = count_in(tokens.get("output")), count_in(tokens.get("reasoning"))
    asked = count_in(tokens.get("input")) + read + written
    if not (asked or any(said)):
        return None  # a stream that broke off: what it cost is not known
    cost_usd = amount_in(part.get("cost"))
    return UsageCounted(asked, read, *said, cost_usd, requests=1)
