"""Budgets: reserve before, settle on what was really used, act when it is gone.

A budget stands on a scope: `run/calm-river`, `task/calm-river/header`,
`pool/moonshot`, `day/2026-11-20`, `month/2026-11`; one on a bare kind (`day`) is for
each scope of that kind by itself. A request is let go only if what was spent, what
others reserved and what it may use itself fit together; so parallel workers overshoot
by no more than what the requests on their way use beyond their estimates.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

WARN_AT = 0.8


class Good(StrEnum):
    """What can be spent."""

    TOKENS = "tokens"
    USD = "usd"
    REQUESTS = "requests"
    WALL_S = "wall_s"
    SESSIONS = "sessions"


class Act(StrEnum):
    """What happens when a budget is gone."""

    STOP_STARTING = "stop_starting"
    """Nothing is begun any more: no session, and no request of one that works."""
    FINISH = "finish"
    """No session starts; those that work may finish, beyond the budget."""
    KILL = "kill"
    """As stop_starting, and those that work are ended."""


@dataclass(frozen=True, slots=True)
class Budget:
    """At most this much of one good on a scope, or on each scope of a kind.

    A budget of sessions only ever keeps others from starting.
    """

    scope: str
    good: Good
    most: float
    act: Act = Act.STOP_STARTING


class Spend(NamedTuple):
    """What something uses. `usd` is None if no price is known: that is not nothing."""

    tokens: int = 0
    usd: float | None = 0.0
    requests: int = 0
    wall_s: float = 0.0
    sessions: int = 0


class Granted(NamedTuple):
    """It may go; it is reserved until `settle` or `release`."""

    reservation: str


class Later(NamedTuple):
    """It would not fit beside what others reserved: ask again when one has settled."""

    budget: Budget
    scope: str


class Refused(NamedTuple):
    """The budget is gone, or cannot be kept as no price is known; `reason` says it."""

    budget: Budget
    scope: str
    reason: str


class Notice(NamedTuple):
    """To be told once: a share (0.8 or 1.0) of a budget is used; at 1.0 act on it."""

    budget: Budget
    scope: str
    share: float
    sentence: str


@dataclass(slots=True)
class Balance:
    """What was spent on one scope; `estimated` of it was not counted by anybody.

    `unpriced` is how many spends had no known price.
    """

    spent: dict[Good, float]
    estimated: dict[Good, float]
    unpriced: int = 0


class _Reserved(NamedTuple):
    scopes: tuple[str, ...]
    spend: Spend


class Budgets:
    """All budgets and balances, and what is reserved. Pure: it knows no clock."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._budgets = {(one.scope, one.good): one for one in budgets}
        self._balances: dict[str, Balance] = {}
        self._reserved: dict[str, _Reserved] = {}
        self._told: set[tuple[str, Good, float]] = set()

    def set(self, budget: Budget) -> None:
        """Set or raise a budget; what was said of it may be said again."""
        self._budgets[budget.scope, budget.good] = budget
        self._told = {
            told
            for told in self._told
            if told[1] is not budget.good or _kind(told[0]) != _kind(budget.scope)
        }

    def reserve(
        self, reservation: str, scopes: tuple[str, ...], spend: Spend
    ) -> Granted | Later | Refused:
        """Reserve what something may use at most, in all its scopes or in none.

        What counts a session is the start of one; it uses nothing by itself.
        """
        later: Later | None = None
        for scope, budget in self._over(scopes):
            if budget.act is Act.FINISH and not spend.sessions:
                continue
            wanted = _amount(spend, budget.good)
            spent = self.spent(scope, budget.good)
            if spent >= budget.most and (wanted != 0 or _is_held_up(spend, budget)):
                return Refused(budget, scope, _gone(budget, scope, spent))
            if wanted is None:
                return Refused(budget, scope, _unpriced(scope))
            reserved = self.reserved(scope, budget.good)
            if wanted and reserved and spent + reserved + wanted > budget.most:
                later = Later(budget, scope)
        if later is not None:
            return later
        self._reserved[reservation] = _Reserved(scopes, spend)
        return Granted(reservation)

    def settle(self, reservation: str, spend: Spend | None) -> tuple[Notice, ...]:
        """Book what was really used; None: not known, so what was reserved.

        The latter is marked as estimated. Return what is to be told.
        """
        scopes, reserved = self._reserved.pop(reservation)
        used = reserved if spend is None else spend
        return self.book(scopes, used, is_estimated=spend is None)

    def release(self, reservation: str) -> None:
        """Give back a reservation of which nothing was used."""
        self._reserved.pop(reservation, None)

    def book(
        self, scopes: tuple[str, ...], spend: Spend, *, is_estimated: bool = False
    ) -> tuple[Notice, ...]:
        """Count what was used without a reservation; return what is to be told."""
        for scope in scopes:
            balance = self._balances.setdefault(scope, Balance({}, {}))
            for good in Good:
                amount = _amount(spend, good)
                if amount is None:
                    balance.unpriced += 1
                    continue
                balance.spent[good] = balance.spent.get(good, 0) + amount
                if is_estimated:
                    before = balance.estimated.get(good, 0)
                    balance.estimated[good] = before + amount
        return tuple(self._notices(scopes))

    def spent(self, scope: str, good: Good) -> float:
        """Return what was spent on a scope."""
        balance = self._balances.get(scope)
        return 0 if balance is None else balance.spent.get(good, 0)

    def reserved(self, scope: str, good: Good) -> float:
        """Return what is reserved on a scope."""
        return sum(
            _amount(one.spend, good) or 0
            for one in self._reserved.values()
            if scope in one.scopes
        )

    def forget(self, scope: str) -> None:
        """Let go of a scope that nothing will be spent on any more."""
        self._balances.pop(scope, None)
        self._told = {told for told in self._told if told[0] != scope}

    def replace(self, budgets: Iterable[Budget], spent: Mapping[str, Spend]) -> None:
        """Take what is written down elsewhere for what there is; reservations stay."""
        self._budgets = {(one.scope, one.good): one for one in budgets}
        self._balances = {}
        for scope, spend in spent.items():
            self.book((scope,), spend)

    def balance(self, scope: str) -> Balance:
        """Return what was spent on a scope, and how much of it is an estimate."""
        return self._balances.get(scope, Balance({}, {}))

    def _over(self, scopes: tuple[str, ...]) -> Iterable[tuple[str, Budget]]:
        for scope in scopes:
            for good in Good:
                budget = self._budgets.get((scope, good)) or self._budgets.get(
                    (_kind(scope), good)
                )
                if budget is not None:
                    yield scope, budget

    def _notices(self, scopes: tuple[str, ...]) -> Iterable[Notice]:
        for scope, budget in self._over(scopes):
            spent = self.spent(scope, budget.good)
            for share in (1.0, WARN_AT):
                key = (scope, budget.good, share)
                if spent >= share * budget.most:
                    if key not in self._told:
                        said = _gone if share == 1.0 else _nearly
                        yield Notice(budget, scope, share, said(budget, scope, spent))
                    self._told |= {key, (scope, budget.good, WARN_AT)}
                    break

    def to_data(self) -> dict[str, Any]:
        """Return balances as plain data for JSON; what is reserved counts as used."""
        kept = Budgets(self._budgets.values())
        kept._balances = copy.deepcopy(self._balances)
        for scopes, spend in self._reserved.values():
            kept.book(scopes, spend, is_estimated=True)
        return {
            "balances": {
                scope: [one.spent, one.estimated, one.unpriced]
                for scope, one in kept._balances.items()
            },
            "told": sorted(self._told),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Go on from what `to_data` told."""
        for scope, (spent, estimated, unpriced) in data["balances"].items():
            self._balances[scope] = Balance(_goods(spent), _goods(estimated), unpriced)
        self._told = {(scope, Good(good), at) for scope, good, at in data["told"]}


def _goods(amounts: Mapping[str, float]) -> dict[Good, float]:
    return {Good(good): amount for good, amount in amounts.items()}


def _kind(scope: str) -> str:
    return scope.partition("/")[0]


def _amount(spend: Spend, good: Good) -> float | None:
    amount: float | None = getattr(spend, good.value)
    return amount


def _is_held_up(spend: Spend, budget: Budget) -> bool:
    """Whether what uses none of a good that is gone may not begin all the same."""
    return spend.sessions > 0 or budget.good is Good.WALL_S


def _gone(budget: Budget, scope: str, spent: float) -> str:
    return f"The budget of {scope} is gone: {_of(budget, spent)}."


def _nearly(budget: Budget, scope: str, spent: float) -> str:
    return f"The budget of {scope} is nearly gone: {_of(budget, spent)}."


def _of(budget: Budget, spent: float) -> str:
    if budget.good is Good.USD:
        return f"{spent:.4f} of {budget.most:g} USD"
    return f"{spent:,.0f} of {budget.most:,.0f} {budget.good.value}"


def _unpriced(scope: str) -> str:
    return f"No price of this model is known, so the budget of {scope} cannot be kept."
