"""What a profile's own patterns say of a program's output."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kimi_swarm.core.output import FailureClass, FailureTold, Finished, OutputEvent
from kimi_swarm.workers.dialect import Dialect
from kimi_swarm.workers.plain import clip, plain
from kimi_swarm.workers.provider_fault import without_folders

MAX_MATCHED_CHARS = 2_000
"""How much of a line is looked at: a pattern may be slow, and lines are not ours."""


class PatternDialect:
    """Reads as another dialect does, and tells failures by patterns beside it.

    The last line that matches tells, at the end of all output, and never against what
    the dialect itself told: its failure, or its proper end.
    """

    def __init__(self, inner: Dialect, errors: Sequence[tuple[str, str]]) -> None:
        self._inner = inner
        self._errors = [(re.compile(one), FailureClass(told)) for one, told in errors]
        self._is_settled = False
        self._found: FailureTold | None = None

    def read(self, line: str, *, is_stderr: bool) -> list[OutputEvent]:
        """Return what one line means to the dialect."""
        looked_at = plain(line[:MAX_MATCHED_CHARS])
        for pattern, failure in self._errors:
            if pattern.search(looked_at):
                self._found = FailureTold(failure, without_folders(looked_at))
                break
        return self._noted(self._inner.read(line, is_stderr=is_stderr))

    def end(self) -> list[OutputEvent]:
        """Return what only the end shows, a failure by its pattern last."""
        events = self._noted(self._inner.end())
        if self._found is not None and not self._is_settled:
            events.append(self._found)
        return events

    def _noted(self, events: list[OutputEvent]) -> list[OutputEvent]:
        for event in events:
            match event:
                case FailureTold():
                    self._is_settled = True
                case Finished(is_proper=is_proper):
                    self._is_settled = self._is_settled or is_proper
                case _:
                    pass
        return events


def failure_by_exit(
    exit_errors: Sequence[tuple[int, str]], exit_code: int | None
) -> FailureTold | None:
    """Return what an exit code says, if the profile knows it."""
    for known, failure in exit_errors:
        if known == exit_code:
            return FailureTold(
                FailureClass(failure), f"It ended with exit code {exit_code}."
            )
    return None


def question_in(asks: str | None, last_output: str) -> str | None:
    """Return the question that the end of a program's output asks, if it does.

    The last line that is not blank counts, in plain characters; None without a pattern.
    """
    lines = [line for line in plain(last_output).split("\n") if line.strip()]
    if asks is None or not lines:
        return None
    last = lines[-1][-MAX_MATCHED_CHARS:]
    return clip(last, MAX_MATCHED_CHARS) if re.search(asks, last) else None
