"""Printing what came of a verb: in words, or as one JSON object. Light."""

from __future__ import annotations

import sys

from kimi_swarm.location import state_home

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from typing import Any

    from kimi_swarm.calls.answer import Answer


def say(answer: Answer, *, is_json: bool, end: str = "\n") -> int:
    """Print an answer, and return the exit code.

    What is new in it counts as told once it was handed over.
    """
    if is_json:
        _print(answer.as_object())
    else:
        print(answer.as_text(), end=end)
    if answer.marks and sys.stdout is not None:  # a caller may have closed it
        sys.stdout.flush()
        from kimi_swarm.actions.told import note_told  # noqa: PLC0415 only after news

        note_told(state_home(), answer.marks)
    return answer.exit_code


def print_object(fields: dict[str, Any]) -> None:
    """Print one versioned object."""
    from kimi_swarm.telling.as_json import versioned  # noqa: PLC0415 only for --json

    _print(versioned(fields))


def _print(told: dict[str, Any]) -> None:
    import json  # noqa: PLC0415 only for --json

    print(json.dumps(told, ensure_ascii=False))
