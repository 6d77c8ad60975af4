"""What budgets let start: what is left, and what sessions at work may yet use.

Sessions are told apart by run, task and profile. Where the requests of one are held
by themselves, this keeps many from beginning what none of them could finish; where
they are not, it is all that keeps a budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kimi_swarm.core.budget import WARN_AT, Act, Budget, Good
from kimi_swarm.core.names import parse_session

REASON = "budget"
"""Why a session is ended, or its run starts none."""
_WHOSE = {
    "run": "budget",
    "task": "budget of task {}",
    "day": "budget of the day",
    "month": "budget of the month",
    "pool-day": "budget of pool {} for the day",
    "pool-month": "budget of pool {} for the month",
}
_OF_TOKENS = (Good.TOKENS, Good.USD)
_FINE_BELOW_USD = 1.0


class Seeker(NamedTuple):
    """A session that seeks a place, or has one."""

    run: str
    task: str
    profile: str


class Hold(NamedTuple):
    """Why nothing starts: in words, and until when; None: until it is raised."""

    words: str
    until_at: float | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """One budget as it stands.

    Of what was `spent`, `live` is by sessions at work. `each` is what a session of a
    profile is expected to use; of one that is missing nobody knows. `until_at` is when
    it begins anew, None for never. With `profiles` it is only for them. With
    `is_estimated` nobody counted a part of what was spent.
    """

    budget: Budget
    spent: float
    live: float = 0.0
    each: Mapping[str, float] = field(default_factory=dict)
    until_at: float | None = None
    profiles: frozenset[str] | None = None
    is_estimated: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether all of it is spent."""
        return self.spent >= self.budget.most

    @property
    def share(self) -> float:
        """Return 1.0 if it is gone, 0.8 if it is nearly gone, else 0."""
        if self.is_gone:
            return 1.0
        return WARN_AT if self.spent >= WARN_AT * self.budget.most else 0.0

    def covers(self, seeker: Seeker) -> bool:
        """Whether what a session uses counts here."""
        if self.profiles is not None:
            return seeker.profile in self.profiles
        kind, _, whose = self.budget.scope.partition("/")
        own = {"run": seeker.run, "task": f"{seeker.run}/{seeker.task}"}
        return kind not in own or own[kind] == whose

    def words(self) -> str:
        """Say it in a few words: `budget usd 1.00 spent 0.98`."""
        return self.words_of(self.spent)

    def words_of(self, spent: float) -> str:
        """Say the same with another figure for what was spent."""
        return budget_words(self.budget, spent, is_estimated=self.is_estimated)


class Allowances:
    """All budgets, for one pass over who seeks a place."""

    def __init__(
        self, allowances: Iterable[Allowance], busy: Sequence[Seeker] = ()
    ) -> None:
        self._busy: dict[_Known, list[Seeker]] = {_Known(one): [] for one in allowances}
        for seeker in busy:
            self._note(seeker)
        self._begun = dict.fromkeys(self._busy, 0)

    def hold(self, seeker: Seeker) -> Hold | None:
        """Return why a session may not start as a budget is gone."""
        for one in self._over(seeker):
            spent = one.allowance.spent
            if one.allowance.budget.good is Good.SESSIONS:
                spent += self._begun[one]
            if spent >= one.allowance.budget.most:
                return Hold(one.allowance.words_of(spent), one.allowance.until_at)
        return None

    def is_crowded(self, seeker: Seeker) -> bool:
        """Whether it should wait until one that works has ended, and is counted.

        Of a kind that nobody knows one goes first, and its others wait for that one.
        """
        return any(
            bool(self._busy[one])
            and one.allowance.budget.good is not Good.SESSIONS
            and not self._bears(one.allowance, self._busy[one], seeker)
            for one in self._over(seeker)
        )

    def start(self, seeker: Seeker) -> None:
        """Count one that starts now."""
        self._note(seeker)
        for one in self._over(seeker):
            self._begun[one] += 1

    def is_to_end(self, seeker: Seeker) -> bool:
        """Whether one that works is to be ended, as a budget is gone."""
        return any(
            one.allowance.budget.act is Act.KILL
            and one.allowance.budget.good is not Good.SESSIONS
            and one.allowance.is_gone
            for one in self._over(seeker)
        )

    @staticmethod
    def _bears(allowance: Allowance, busy: Sequence[Seeker], seeker: Seeker) -> bool:
        expected = allowance.each.get(seeker.profile)
        if expected is None:
            return all(one.profile != seeker.profile for one in busy)
        known = sum(allowance.each.get(one.profile, 0.0) for one in busy)
        reserved = max(0.0, known - allowance.live)
        return allowance.spent + reserved + expected <= allowance.budget.most

    def _over(self, seeker: Seeker) -> Iterable[_Known]:
        return [one for one in self._busy if one.allowance.covers(seeker)]

    def _note(self, seeker: Seeker) -> None:
        for one in self._over(seeker):
            self._busy[one].append(seeker)


class _Known:
    """An allowance by its identity: two may be equal."""

    __slots__ = ("allowance",)

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance


def seeker_of(session: str, profile: str) -> Seeker:
    """Return a session by its id (`calm-river/header.2`) as one that seeks a place."""
    ident = parse_session(session)
    return Seeker(ident.run, ident.task, profile)


def budget_words(budget: Budget, spent: float, *, is_estimated: bool = False) -> str:
    """Say of a budget whose it is, how much, and how much of it was spent.

    `budget tokens 5000 spent about 5210`: that rests on estimates of tokens.
    """
    kind, _, whose = budget.scope.partition("/")
    owner = _WHOSE[kind].format(whose.rpartition("/")[2])
    about = "about " if is_estimated and budget.good in _OF_TOKENS else ""
    figure = f"{spent:.{_digits(budget)}f}"
    return f"{owner} {budget_amount(budget)} spent {about}{figure}"


def budget_amount(budget: Budget) -> str:
    """Say how much a budget is: `usd 1.00`."""
    return f"{budget.good} {budget.most:.{_digits(budget)}f}"


def _digits(budget: Budget) -> int:
    if budget.good is not Good.USD:
        return 0
    return 2 if budget.most >= _FINE_BELOW_USD else 4
