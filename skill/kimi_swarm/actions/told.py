"""told: write down that an asker was told, once it was. Light."""

from __future__ import annotations

from collections.abc import Sequence

from kimi_swarm.actions.state import reading
from kimi_swarm.process.crash_point import reach
from kimi_swarm.store.inbox import Mark, note_marks


def note_told(home: str, marks: Sequence[Mark]) -> None:
    """Count what an answer told as told; its marks came with the answer.

    Whoever dies before, or could not hand the answer over, is told the same again,
    with the same ids.
    """
    reach("asker.before_told")
    if not marks:
        return
    with reading(home) as connection:
        if connection is not None:
            note_marks(connection, marks)
