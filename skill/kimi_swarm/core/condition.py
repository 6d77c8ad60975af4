"""When a task is wanted at all: what the results of tasks that it needs must say."""

from __future__ import annotations

from collections.abc import Mapping

When = Mapping[str, Mapping[str, object]]


def holds(when: When, results: Mapping[str, object]) -> bool:
    """Whether every named need's result has every value that is asked of it.

    `results` holds plain data by task. A need without a result, or whose result has no
    such field, fails the condition. True is not 1 here.
    """
    return all(
        isinstance(result := results.get(task), Mapping)
        and all(
            field in result and _same(result[field], value)
            for field, value in wanted.items()
        )
        for task, wanted in when.items()
    )


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right
