"""The `kimi` dialect: Kimi Code 2.x with `--output-format stream-json`.

Standard output holds chat messages and `meta` lines. Tool results carry no error flag,
so they are for reading only. The last line gives the conversation id: it means that
the program ended its turn and not that the model did. A stream that broke off early
ends the same way.

A run that fails says why on standard error only, and shell commands that the model
runs are echoed there too (seen in 2.1.0): a worker that prints an error of the same
shape has not failed. So only the end of all output tells a failure, by the last error
line, and never after the program has ended its turn.
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
from kimi_swarm.workers.fields import MAX_TEXT_CHARS, json_object, text_in
from kimi_swarm.workers.plain import bounded, clip


class KimiDialect:
    """Reads Kimi Code's output; its verdict on a failure comes at the end."""

    def __init__(self) -> None:
        self._has_spoken = False
        self._has_ended = False
        self._refusal: FailureTold | None = None
        self._failure: FailureTold | None = None

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means; JSON counts on standard output only."""
        message = None if is_stderr else json_object(line)
        if message is None:
            return self._plain_line(bounded(line, MAX_TEXT_CHARS))
        match message.get("role"):
            case "assistant":
                events = assistant_events(message)
            case "tool":
                result = text_of(message.get("content"))
                events = [LineIgnored(clip(result, MAX_RESULT_CHARS))]
            case "meta":
                events = _meta(message)
            case _:
                events = None
        if events is None:
            return [LineIgnored(bounded(line, MAX_TEXT_CHARS))]
        self._has_spoken = True
        self._has_ended = any(isinstance(event, Finished) for event in events)
        return events

    def end(self) -> list[OutputEvent]:
        """Return why the program gave up, if it did not end its turn and said so."""
        told = self._failure or (None if self._has_spoken else self._refusal)
        return [] if self._has_ended or told is None else [told]

    def _plain_line(self, line: str) -> list[OutputEvent]:
        if line.startswith("See log: "):
            return []
        if "error: " in line:
            self._take_error(line)
        return [LineIgnored(line)]

    def _take_error(self, line: str) -> None:
        from kimi_swarm.workers.kimi_fault import (  # noqa: PLC0415 most runs need none
            prompt_failure,
            refusal,
        )

        # Flags are refused in other words, which compilers use as well: those count
        # only if the program never came to speak.
        self._failure = prompt_failure(line) or self._failure
        self._refusal = refusal(line) or self._refusal


def _meta(message: dict[str, object]) -> list[OutputEvent] | None:
    match message:
        case {"type": "system.version"}:
            return []
        case {"type": "turn.step.retrying"}:
            from kimi_swarm.workers.kimi_fault import (  # noqa: PLC0415 rarely needed
                retry_noticed,
            )

            return [retry_noticed(message)]
        case {"type": "session.resume_hint"}:
            known = clip(text_in(message.get("session_id")), 200)
            ended: list[OutputEvent] = [Finished("stop")]
            return [ConversationKnown(known), *ended] if known else ended
        case _:
            return None
