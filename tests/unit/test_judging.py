"""Evidence beats prose; judges that disagree mean a tie."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.judging import CHOICES, Candidate, Opinion, rule

GOOD, FINE = Candidate("good", is_success=True), Candidate("fine", is_success=True)
BAD = Candidate("bad", is_success=False, why_not="its check failed")


def both(one: str, other: str, first: str, second: str) -> list[Opinion]:
    """What two judges said, the second of them of the turned order."""
    return [
        Opinion("judge-1", one, other, first),
        Opinion("judge-2", other, one, second),
    ]


def test_what_failed_its_evidence_is_out_whatever_judges_say():
    ruling = rule([BAD, GOOD], both("bad", "good", "first", "second"))
    assert (ruling.winner, ruling.how) == ("good", "evidence")
    assert ruling.out == {"bad": "its check failed"}


def test_judges_decide_when_they_agree_whatever_they_saw_first():
    ruling = rule([GOOD, FINE], both("good", "fine", "first", "second"))
    assert (ruling.winner, ruling.how) == ("good", "judges")


def test_a_judge_that_always_takes_the_first_makes_a_tie():
    ruling = rule([GOOD, FINE], both("good", "fine", "first", "first"))
    assert (ruling.winner, ruling.how) == (None, "tie")
    assert "order was turned" in ruling.sentence


def test_one_order_alone_decides_nothing():
    ruling = rule([GOOD, FINE], [Opinion("judge-1", "good", "fine", "first")])
    assert (ruling.winner, ruling.how) == (None, "tie")


def test_nobody_wins_where_nobody_succeeded():
    assert rule([BAD], []).how == "none"


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Candidate], list[Opinion]]:
    names = list("abcd"[: draw(st.integers(1, 4))])
    candidates = [Candidate(name, is_success=draw(st.booleans())) for name in names]
    choice = st.sampled_from([*CHOICES, "nonsense"])
    opinions = [
        Opinion("j", *pair, draw(choice))
        for one, other in combinations(names, 2)
        for pair in ((one, other), (other, one))
        if draw(st.booleans())
    ]
    return candidates, opinions


@given(cases())
def test_order_and_names_change_nothing(
    case: tuple[list[Candidate], list[Opinion]],
):
    candidates, opinions = case
    turned = {"first": "second", "second": "first"}
    mirrored = [
        Opinion(o.judge, o.second, o.first, turned.get(o.choice, o.choice))
        for o in opinions
    ]
    as_given = rule(candidates, opinions)
    assert rule(candidates[::-1], mirrored[::-1]).winner == as_given.winner
    succeeded = {each.task for each in candidates if each.is_success}
    assert as_given.winner in {None, *succeeded}
