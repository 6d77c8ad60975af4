"""What comes of a call: an object, the same in words, and an exit code. Light."""

from __future__ import annotations

from collections.abc import Callable, Sequence

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from typing import Any

    from kimi_swarm.store.inbox import Mark

OK = 0
NOT_ALL = 1
OUT_OF_TIME = 124


class Answer:
    """What came of a call. Its object and its words are made when they are asked for.

    `exit_code` is 0 as asked, 1 if something did not succeed, 124 out of time. An
    answer with `marks` stays news until `note_told` gets them.
    """

    __slots__ = ("_fields", "_text", "exit_code", "marks")

    def __init__(
        self,
        fields: Callable[[], dict[str, Any]],
        text: Callable[[], str],
        exit_code: int = OK,
        marks: Sequence[Mark] = (),
    ) -> None:
        self._fields = fields
        self._text = text
        self.exit_code = exit_code
        self.marks = marks

    def as_object(self) -> dict[str, Any]:
        """Return what `--json` prints, as plain data."""
        from kimi_swarm.telling.as_json import (  # noqa: PLC0415 only for objects
            versioned,
        )

        return versioned(self._fields())

    def as_text(self) -> str:
        """Return what is printed without `--json`."""
        return self._text()
