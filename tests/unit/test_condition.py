"""When a task is wanted, and what it is told of those before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.condition import holds
from kimi_swarm.core.handover import BEGIN, END, Produced, handover

texts = st.text(max_size=300)
produced = st.builds(
    Produced, st.just("header"), texts, st.none() | texts, st.none() | st.just("b")
)


def test_every_field_of_every_need_must_be_as_asked():
    results = {"a": {"accept": True, "round": 2}, "b": {"accept": False}}
    assert holds({"a": {"accept": True, "round": 2}, "b": {"accept": False}}, results)
    assert not holds({"a": {"accept": True}, "b": {"accept": True}}, results)
    assert not holds({"a": {"verdict": None}}, results)
    assert not holds({"c": {"accept": True}}, results)


def test_true_is_not_one_and_a_list_has_no_fields():
    assert not holds({"a": {"accept": True}}, {"a": {"accept": 1}})
    assert not holds({"a": {"accept": True}}, {"a": ["accept"]})


@given(st.lists(produced, max_size=5))
def test_nothing_that_was_produced_stands_on_a_line_of_its_own(
    several: list[Produced],
):
    lines = handover(several).splitlines()
    own = ("Task header", "Its ", "It said nothing.", "What it changed:", "[cut")
    for line in lines:
        assert line in (BEGIN, END) or line.startswith(("> ", *own)) or line == ">"
    assert lines.count(END) == bool(several)


def test_what_is_long_is_cut_and_the_whole_is_named():
    many = [Produced(f"t{n}", "x" * 90_000, None, None, f"f{n}") for n in range(3)]
    told = handover(many, limit_chars=3_000)
    assert len(told) < 3_600
    assert told.count("[cut here. The whole is in f") == 3
