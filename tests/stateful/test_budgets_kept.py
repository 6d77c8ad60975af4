"""However workers interleave, a budget is passed by no more than estimates missed."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kimi_swarm.core.budget import Budget, Budgets, Good, Granted, Refused, Spend

MOST = 1000
SCOPES = ("run/calm-river", "day/2026-11-20")
BUDGETS = (
    Budget("run/calm-river", Good.TOKENS, MOST),
    Budget("day", Good.REQUESTS, 40),
)
WORKERS = 4


class Workers(RuleBasedStateMachine):
    """Four workers that ask, use more or less than they reserved, and are told so."""

    def __init__(self) -> None:
        super().__init__()
        self.budgets = Budgets(BUDGETS)
        self.open: dict[str, int] = {}
        self.spent = 0
        self.requests = 0
        self.beyond: list[int] = []
        self.alone: list[int] = []
        self.number = 0
        self.shares: list[float] = []

    @precondition(lambda self: len(self.open) < WORKERS)
    @rule(tokens=st.integers(1, 400))
    def ask(self, tokens: int) -> None:
        self.number += 1
        name = str(self.number)
        spend = Spend(tokens=tokens, requests=1)
        reserved = sum(self.open.values())
        answer = self.budgets.reserve(name, SCOPES, spend)
        if isinstance(answer, Granted):
            fits = self.spent + reserved + tokens <= MOST
            assert fits or not self.open
            assert self.spent < MOST
            if not fits:
                self.alone.append(tokens)
            self.open[name] = tokens
        elif isinstance(answer, Refused):
            assert self.spent >= MOST or self.requests >= 40
        else:
            assert self.open

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.sampled_from([None, 0.1, 0.9, 1.0, 1.5]))
    def settle(self, data: st.DataObject, share: float | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.open)))
        tokens = self.open.pop(name)
        used = tokens if share is None else int(tokens * share)
        self.beyond.append(max(0, used - tokens))
        spend = None if share is None else Spend(tokens=used, requests=1)
        for notice in self.budgets.settle(name, spend):
            if notice.budget.good is Good.TOKENS:
                self.shares.append(notice.share)
        self.spent += used
        self.requests += 1

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.open)))
        del self.open[name]
        self.budgets.release(name)

    @rule()
    def restart(self) -> None:
        kept = json.loads(json.dumps(self.budgets.to_data(), allow_nan=False))
        self.budgets = Budgets(BUDGETS)
        self.budgets.load(kept)
        self.spent += sum(self.open.values())
        self.requests += len(self.open)
        self.open.clear()

    @invariant()
    def books_balance(self) -> None:
        for scope in SCOPES:
            assert self.budgets.spent(scope, Good.TOKENS) == self.spent
            assert self.budgets.spent(scope, Good.REQUESTS) == self.requests
            reserved = self.budgets.reserved(scope, Good.TOKENS)
            assert reserved == sum(self.open.values())

    @invariant()
    def no_more_is_spent_than_estimates_were_wrong(self) -> None:
        bound = MOST + sum(self.beyond) + sum(self.alone[-1:])
        assert self.spent + sum(self.open.values()) <= bound

    @invariant()
    def each_share_is_told_once(self) -> None:
        assert len(self.shares) == len(set(self.shares))


Workers.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestWorkers = Workers.TestCase


class Overdraw(RuleBasedStateMachine):
    """Workers whose requests use any amount: one each is all that can be too much."""

    def __init__(self) -> None:
        super().__init__()
        self.budgets = Budgets(BUDGETS[:1])
        self.open: dict[str, int] = {}
        self.used: list[int] = []
        self.number = 0

    @precondition(lambda self: len(self.open) < WORKERS)
    @rule(estimate=st.integers(1, 50), used=st.integers(0, 500))
    def ask(self, estimate: int, used: int) -> None:
        self.number += 1
        name = str(self.number)
        spend = Spend(tokens=estimate)
        if isinstance(self.budgets.reserve(name, SCOPES[:1], spend), Granted):
            self.open[name] = used

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.open)))
        self.used.append(self.open.pop(name))
        self.budgets.settle(name, Spend(tokens=self.used[-1]))

    @invariant()
    def at_most_one_request_of_each_worker_is_too_much(self) -> None:
        in_all = sum(self.used) + sum(self.open.values())
        largest = sorted([*self.used, *self.open.values()])[-WORKERS:]
        assert in_all < MOST + sum(largest) + 1


Overdraw.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestOverdraw = Overdraw.TestCase
