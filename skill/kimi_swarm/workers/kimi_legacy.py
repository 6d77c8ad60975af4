"""The `kimi-legacy` dialect: kimi-cli 1.x with `--print --output-format stream-json`.

Standard output holds chat messages only. What went wrong is plain text there, one of
few sentences (one line, if the terminal is said to be wide enough: see the profile's
COLUMNS). Standard error ends with the conversation's id, on most failures too. So a
turn has ended when the model had the last word, nothing went wrong, and the id was
told; a stream that broke off early looks just the same.
"""

from __future__ import annotations

from kimi_swarm.core.output import (
    ConversationKnown,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
)
from kimi_swarm.workers.chat_message import (
    MAX_RESULT_CHARS,
    assistant_events,
    text_of,
)
from kimi_swarm.workers.fields import MAX_TEXT_CHARS, json_object
from kimi_swarm.workers.plain import bounded, clip

_RESUME = "To resume this session: kimi -r "
_FAILURES = (
    "Error code: ",
    "LLM not set",
    "LLM provider error",
    "LLM is not",
    "The API returned an empty response",
    "Connection error",
    "Request timed out",
    "Interrupted by user",
    "Max steps",
    "Unknown error",
    "Failed to ",
)


class KimiLegacyDialect:
    """Reads kimi-cli's output; that a turn ended is told at the end."""

    def __init__(self) -> None:
        self._had_last_word = False
        self._is_closed = False
        self._failure: FailureTold | None = None

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means; JSON counts on standard output only."""
        if is_stderr:
            return self._aside(line)
        message = json_object(line)
        if message is None:
            return self._sentence(line)
        match message.get("role"):
            case "assistant":
                events = assistant_events(message)
                self._had_last_word = not message.get("tool_calls")
            case "tool":
                result = text_of(message.get("content"))
                self._had_last_word = False
                events = [LineIgnored(clip(result, MAX_RESULT_CHARS))]
            case _:
                events = None
        if events is None:
            return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
        self._failure = None  # it went on, so the sentence was not its last
        return events

    def end(self) -> list[OutputEvent]:
        """Return why the program gave up, or that its turn ended if it says so."""
        if self._failure is not None:
            return [self._failure]
        return [Finished("stop")] if self._had_last_word and self._is_closed else []

    def _aside(self, line: str) -> list[OutputEvent]:
        known = line.removeprefix(_RESUME).strip()
        if not line.startswith(_RESUME) or not known.replace("-", "").isalnum():
            return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
        self._is_closed = True
        return [ConversationKnown(clip(known, 200))]

    def _sentence(self, line: str) -> list[OutputEvent]:
        if line.startswith(_FAILURES):
            from kimi_swarm.workers.kimi_legacy_fault import (  # noqa: PLC0415 rare
                failure_of,
            )

            self._failure = failure_of(line)
        return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
