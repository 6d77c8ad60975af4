from __future__ import annotations

import pytest

from kimi_swarm.core.forecast import Past, forecast
from kimi_swarm.core.task import PromptVia, Recipe, Task

NEEDS = dict[str, tuple[str, ...]]
DIAMOND: NEEDS = {"a": (), "b": ("a",), "c": ("a",), "d": ("a",), "e": ("b", "c", "d")}
APART: NEEDS = {"a": (), "b": (), "c": (), "d": ()}


def tasks(needs: NEEDS, profile: str = "kimi", most: int | None = None) -> list[Task]:
    recipe = Recipe(profile, ("x",), PromptVia.STDIN, max_parallel=most)
    return [Task(name, "x", recipe, needs=each) for name, each in needs.items()]


def test_the_longest_chain_tells_the_time_when_there_is_room():
    past = {"kimi": Past(7, 60.0, 0.25, 1000)}
    seen = forecast(tasks(DIAMOND), past, concurrency=5)
    assert (seen.seconds, seen.longest, seen.sessions) == (180.0, 3, 7)
    assert (seen.usd, seen.tokens) == (1.25, 5000)
    assert seen.unknown == ()


def test_all_the_work_tells_the_time_when_few_may_work_at_once():
    past = {"kimi": Past(1, 60.0)}
    assert forecast(tasks(APART), past, concurrency=2).seconds == 120.0
    bounded = forecast(tasks(APART, most=1), past, concurrency=4)
    assert bounded.seconds == 240.0
    assert "only one may work at a time" in bounded.advice[0]


def test_what_is_not_known_is_not_invented():
    mixed = [*tasks({"a": ()}), *tasks({"b": ()}, "kilo")]
    seen = forecast(mixed, {"kimi": Past(3, 60.0, 0.25, 10)}, concurrency=5)
    assert (seen.seconds, seen.usd, seen.tokens) == (None, None, None)
    assert seen.unknown == ("kilo",)


@pytest.mark.parametrize(
    ("needs", "concurrency", "words"),
    [
        ({"a": ()}, 5, "a single task"),
        ({"a": (), "b": ("a",), "c": ("b",)}, 5, "each task needs the one before"),
        (APART, 1, "only one may work at a time"),
        ({"a": (), "b": (), "c": ("a", "b")}, 5, "2 of its 3 tasks must follow"),
    ],
)
def test_it_says_when_parallel_work_will_not_pay(
    needs: NEEDS, concurrency: int, words: str
):
    (advice,) = forecast(tasks(needs), {}, concurrency=concurrency).advice
    assert words in advice


@pytest.mark.parametrize("needs", [{}, APART, {"a": (), "b": ("gone",)}])
def test_it_keeps_silent_where_parallel_work_pays(needs: NEEDS):
    assert forecast(tasks(needs), {}, concurrency=5).advice == ()
