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
from kimi_swarm.workers.dialect import dialect_named
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


def readable_lines(
    dialect_name: str, lines: Iterable[str], *, is_stderr: bool
) -> Iterator[str]:
    """Yield readable lines for raw ones, as they come.

    The `text` dialect's lines pass as they are, blank ones too, only made plain. Raises
    UnknownDialectError.
    """
    if dialect_name == "text":
        for line in lines:
            yield from plain(line).split("\n")
        return
    dialect = dialect_named(dialect_name)
    for line in lines:
        for event in dialect.read(line, is_stderr=is_stderr):
            yield from render(event)


def _counts(counted: UsageCounted) -> str:
    cached = f" ({counted.cached_tokens} cached)" if counted.cached_tokens else ""
    cost = "" if counted.cost_usd is None else f", ${counted.cost_usd:.4f}"
    written = counted.output_tokens + counted.reasoning_tokens
    return f"= {counted.input_tokens} tokens in{cached}, {written} out{cost}"


def _trouble(kind: str, status: int | None, message: str) -> str:
    number = "" if status is None else f"{status} "
    return clip(f"! {kind} {number}{message}", MAX_MARKED_CHARS)
