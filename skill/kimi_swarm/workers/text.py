"""The `text` dialect: for any program that prints for people.

Each line of standard output that is not blank is text; standard error, where it is kept
apart, is only for the reader of logs. At the end the last lines are told once more as
one text, so that a transcript closes with the program's closing words and not with half
of them. Such a program says nothing of tools, tokens or failures, and no line of it is
an end: its exit code is its evidence, so `Finished` and `FailureTold` never come.
"""

from __future__ import annotations

from kimi_swarm.core.output import LineIgnored, OutputEvent, TextWritten
from kimi_swarm.workers.plain import bounded

LAST_LINES = 12
MAX_LINE_CHARS = 2_000


class TextDialect:
    """Reads lines as they are."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return the line as text, or as ignored if it is from standard error."""
        text = bounded(line, MAX_LINE_CHARS).rstrip()
        if is_stderr or not text.strip():
            return [LineIgnored(text)]
        self._last = [*self._last[1 - LAST_LINES :], text]
        return [TextWritten(text)]

    def end(self) -> list[OutputEvent]:
        """Return the last lines as one text if there were several."""
        return [TextWritten("\n".join(self._last))] if len(self._last) > 1 else []
