"""Events and raw lines as lines for people, for `log`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from kimi_swarm.workers.dialect import dialect_named, holds_back
from kimi_swarm.workers.plain import clip, plain

MAX_MARKED_CHARS = 300


def render(  # noqa: PLR0911 one arm per kind of event
    event: OutputEvent,
) -> list[str]:
    """Return the plain lines that tell a person of one event; often one, or none.

    Text is told as it is, tool use after `>`, questions after `?`, counts after `=`,
    troubles after `!`.
    """
    match event:
        case TextWritten(text=text) | LineIgnored(text=text):
            return plain(text).rstrip("\n").split("\n") if text else []
        case ToolUsed(summary=summary):
            return [clip(f"> {summary}", MAX_MARKED_CHARS)]
        case QuestionAsked(text=text):
            return [clip(f"? {text}", MAX_MARKED_CHARS)]
        case UsageCounted():
            return [_counts(event)]
        case RetryNoticed(failure=failure, message=message, status=status):
            return [_trouble(f"retry: {failure.value}", status, message)]
        case FailureTold(failure=FailureClass.OTHER, message=message, status=status):
            return [_trouble("failed:", status, message)]
        case FailureTold(failure=failure, message=message, status=status):
            return [_trouble(f"{failure.value}:", status, message)]
        case Finished(reason=reason, is_proper=is_proper):
            return [] if is_proper else [_trouble("ended:", None, reason)]
        case ConversationKnown():
            return []


class OurLine(str):
    """A line that kimi-swarm puts between those of a worker: a heading or a note."""

    __slots__ = ()


class Reading:
    """Turns raw lines of one file into readable ones, as they come.

    The `text` dialect's lines pass as they are, blank ones too, only made plain. Raises
    UnknownDialectError.
    """

    def __init__(self, dialect_name: str, *, is_stderr: bool) -> None:
        self._is_stderr = is_stderr
        self._dialect = None
        if dialect_name != "text":
            self._dialect = dialect_named(dialect_name)

    @property
    def holds_back(self) -> bool:
        """Whether what was read last is told only with what comes next."""
        return self._dialect is not None and holds_back(self._dialect)

    def lines(self, raw: str) -> list[str]:
        """Return the readable lines that one whole raw line completes."""
        if self._dialect is None:
            return plain(raw).split("\n")
        events = self._dialect.read(raw, is_stderr=self._is_stderr)
        return [line for event in events for line in render(event)]

    def end(self) -> list[str]:
        """Return what was held back, once nothing more comes."""
        if self._dialect is None or not self.holds_back:
            return []
        return [line for event in self._dialect.end() for line in render(event)]


def readable_lines(
    dialect_name: str, lines: Iterable[str], *, is_stderr: bool
) -> Iterator[str]:
    """Yield readable lines for raw ones, as they come. Raises UnknownDialectError."""
    reading = Reading(dialect_name, is_stderr=is_stderr)
    for line in lines:
        yield from reading.lines(line)
    yield from reading.end()


def _counts(counted: UsageCounted) -> str:
    cached = f" ({counted.cached_tokens} cached)" if counted.cached_tokens else ""
    cost = "" if counted.cost_usd is None else f", ${counted.cost_usd:.4f}"
    written = counted.output_tokens + counted.reasoning_tokens
    return f"= {counted.input_tokens} tokens in{cached}, {written} out{cost}"


def _trouble(kind: str, status: int | None, message: str) -> str:
    number = "" if status is None else f"{status} "
    return clip(f"! {kind} {number}{message}", MAX_MARKED_CHARS)
