"""How to read a worker's output: one dialect per family, raw lines to events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kimi_swarm.core.output import OutputEvent, Transcript
from kimi_swarm.errors import SwarmError
from kimi_swarm.workers.lines import LineReader


class UnknownDialectError(SwarmError):
    """Raised when a profile names a dialect that does not exist."""

    code = "unknown_dialect"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no dialect named {name!r}.",
            remedy=f"Use one of: {', '.join(sorted(_DIALECTS))}.",
        )


TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Dialect(Protocol):
    """Reader of one session's output; it may remember what it has read.

    No line makes it raise: what it does not know becomes LineIgnored. Texts in its
    events are plain and bounded.
    """

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one whole line means."""

    def end(self) -> list[OutputEvent]:
        """Return what only the end of all output shows."""


def dialect_named(name: str) -> Dialect:
    """Return a fresh reader of the dialect. Raises UnknownDialectError."""
    make = _DIALECTS.get(name)
    if make is None:
        raise UnknownDialectError(name)
    return make()


def fold(name: str, stdout: Iterable[bytes], stderr: Iterable[bytes]) -> Transcript:
    """Read the whole output of a session, given in chunks, into one transcript.

    Standard output is read first, then standard error. Raises UnknownDialectError.
    """
    dialect = dialect_named(name)
    transcript = Transcript()
    for chunks, is_stderr in ((stdout, False), (stderr, True)):
        for line in _lines(chunks):
            for event in dialect.read(line, is_stderr=is_stderr):
                transcript = transcript.after(event)
    for event in dialect.end():
        transcript = transcript.after(event)
    return transcript


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    reader = LineReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.end()


def _text() -> Dialect:
    from kimi_swarm.workers.text import TextDialect  # noqa: PLC0415 only the one in use

    return TextDialect()


def _swarm() -> Dialect:
    from kimi_swarm.workers.swarm import (  # noqa: PLC0415 only the one in use
        SwarmDialect,
    )

    return SwarmDialect()


def _kimi() -> Dialect:
    from kimi_swarm.workers.kimi import KimiDialect  # noqa: PLC0415 only the one in use

    return KimiDialect()


_DIALECTS: dict[str, Callable[[], Dialect]] = {
    "text": _text,
    "swarm": _swarm,
    "kimi": _kimi,
}
