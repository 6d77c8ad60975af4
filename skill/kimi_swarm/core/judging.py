"""Which of several candidates is best: evidence first, then judges of both orders.

Judges tend to favour what they see first, and prose over proof. So a candidate that
failed its check is out before anybody reads it, each pair is judged in both orders and
without names, and judges that disagree mean a tie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHOICES = ("first", "second", "tie")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task that did the same work as others, and what shows how well.

    `has_check` is whether its success was tested; `files` how many files it changed.
    """

    task: str
    is_success: bool
    has_check: bool = False
    files: int = 0
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one judge said of two candidates in the order in which it saw them."""

    judge: str
    first: str
    second: str
    choice: str
    why: str = ""

    @property
    def chosen(self) -> str | None:
        """The task that was chosen, None for a tie or no choice at all."""
        return {"first": self.first, "second": self.second}.get(self.choice)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The winner if there is one, how it was found, and every opinion that was heard.

    `how` is evidence, judges, tie or none.
    """

    winner: str | None
    how: str
    sentence: str
    out: Mapping[str, str]
    opinions: Sequence[Opinion] = ()


def rule(candidates: Sequence[Candidate], opinions: Sequence[Opinion]) -> Ruling:
    """Decide from evidence, then from what judges of the remaining pairs say."""
    out = {
        each.task: each.why_not or "it did not succeed"
        for each in candidates
        if not each.is_success
    }
    left = [each.task for each in candidates if each.is_success]
    if not left:
        return Ruling(None, "none", "No candidate succeeded.", out)
    if len(left) == 1:
        sentence = f"{left[0]} is the only one that succeeded."
        return Ruling(left[0], "evidence", sentence, out)
    wins = dict.fromkeys(left, 0)
    disagreed = False
    for index, one in enumerate(left):
        for other in left[index + 1 :]:
            winner, is_clear = _of_pair(one, other, opinions)
            disagreed = disagreed or not is_clear
            if winner is not None:
                wins[winner] += 1
    best = max(wins.values())
    leaders = [task for task, count in wins.items() if count == best]
    if best and len(leaders) == 1:
        sentence = f"Judges chose {leaders[0]}, whichever they saw first."
        return Ruling(leaders[0], "judges", sentence, out, opinions)
    why = (
        "The judges chose differently when the order was turned round"
        if disagreed
        else "The judges saw no difference that matters"
    )
    names = ", ".join(leaders)
    return Ruling(None, "tie", f"{why}: a tie of {names}.", out, opinions)


def _of_pair(
    one: str, other: str, opinions: Sequence[Opinion]
) -> tuple[str | None, bool]:
    """Return who won a pair, and whether all who judged it said the same.

    Both orders must have been judged, or nobody has won.
    """
    heard = [each for each in opinions if {each.first, each.second} == {one, other}]
    orders = {each.first for each in heard}
    chosen = {each.chosen for each in heard}
    if orders != {one, other}:
        return None, not heard
    if len(chosen) == 1:
        return chosen.pop(), True
    return None, False
