"""How to read a worker's output: one dialect per family, raw lines to events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

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


def dialect_names() -> tuple[str, ...]:
    """Return the names of all dialects, in order of the alphabet."""
    return tuple(sorted(_DIALECTS))


def dialect_named(name: str, errors: Sequence[tuple[str, str]] = ()) -> Dialect:
    """Return a fresh reader of the dialect. Raises UnknownDialectError.

    Each of `errors` is a pattern of output and the failure class that it means, told
    at the end if the dialect itself told no failure and no proper end.
    """
    make = _DIALECTS.get(name)
    if make is None:
        raise UnknownDialectError(name)
    if not errors:
        return make()
    from kimi_swarm.workers.patterns import (  # noqa: PLC0415 few profiles have any
        PatternDialect,
    )

    return PatternDialect(make(), errors)


def holds_back(dialect: Dialect) -> bool:
    """Whether a dialect joins what it read last with what comes next.

    Only such a reader needs earlier lines to make sense of later ones; whoever reads a
    log piece by piece begins again before the first line that was held back.
    """
    return bool(getattr(dialect, "holds_back", False))


def fold(
    name: str,
    stdout: Iterable[bytes],
    stderr: Iterable[bytes],
    *,
    errors: Sequence[tuple[str, str]] = (),
) -> Transcript:
    """Read the whole output of a session, given in chunks, into one transcript.

    Standard output is read first, then standard error. `errors` are a profile's own
    patterns, as in `dialect_named`. Raises UnknownDialectError.
    """
    dialect = dialect_named(name, errors)
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


def _make(module: str, reader: str) -> Callable[[], Dialect]:
    def make() -> Dialect:
        # Only the one in use is imported: `log` has no time for the others.
        from importlib import import_module  # noqa: PLC0415 nor for this

        dialect: Dialect = getattr(import_module(module, __package__), reader)()
        return dialect

    return make


_DIALECTS: dict[str, Callable[[], Dialect]] = {
    "text": _make(".text", "TextDialect"),
    "swarm": _make(".swarm", "SwarmDialect"),
    "kimi": _make(".kimi", "KimiDialect"),
    "kimi-legacy": _make(".kimi_legacy", "KimiLegacyDialect"),
    "opencode": _make(".opencode", "OpencodeDialect"),
    "claude": _make(".claude", "ClaudeDialect"),
    "codex": _make(".codex", "CodexDialect"),
    "gemini": _make(".gemini", "GeminiDialect"),
}
