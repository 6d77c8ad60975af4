"""When a host is told again, and when that is given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.notices import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MOST_TRIES,
    filled,
    left_s,
    next_pause_s,
)

chances = st.floats(0, 1)
DAY_S = 86_400


@given(tries=st.integers(1, MOST_TRIES - 1), chance=chances)
def test_pauses_grow_up_to_the_longest(tries: int, chance: float):
    pause_s = next_pause_s(tries, chance=chance)
    assert pause_s is not None
    assert FIRST_PAUSE_S / 2 <= pause_s <= LONGEST_PAUSE_S
    later_s = next_pause_s(tries + 1, chance=chance)
    assert later_s is None or later_s >= pause_s


def test_it_is_given_up_after_about_a_day():
    pauses = [next_pause_s(tries, chance=0.5) for tries in range(1, MOST_TRIES)]
    assert None not in pauses
    assert 0.8 * DAY_S < sum(filter(None, pauses)) < 1.8 * DAY_S
    assert next_pause_s(MOST_TRIES, chance=0.5) is None
    assert next_pause_s(10**9, chance=0.5) is None


@given(due_at=st.floats(0, 1e10), at=st.floats(0, 1e10))
def test_no_clock_that_is_set_makes_it_wait_longer_than_a_pause(
    due_at: float, at: float
):
    assert 0 <= left_s(due_at, at=at) <= LONGEST_PAUSE_S
    assert left_s(at - 1, at=at) == 0


def test_what_a_value_holds_is_no_place_for_another():
    values = {"{text}": "say {session_key}", "{session_key}": "main"}
    assert filled(["--to={session_key}", "{text}"], values) == (
        "--to=main",
        "say {session_key}",
    )
