"""What runs are told of budgets that are nearly gone, and when no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import BORN_AT, RUN, a_run, written
from kimi_swarm.core.budget import Budget, Good
from kimi_swarm.store.budget_warnings import warn
from kimi_swarm.store.budgets import keep_budgets, read_allowances
from kimi_swarm.store.database import Connection
from kimi_swarm.store.requests import DONE, RequestRow, keep_requests
from kimi_swarm.store.runs import create_run
from kimi_swarm.store.views import events_after, run_row

DAY_S = 86_400.0
DAY, OWN = Budget("day", Good.REQUESTS, 10), Budget(f"run/{RUN}", Good.REQUESTS, 10)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(written(tmp_path, "a")) as found:
        # Its worker works, so that what it asks for counts.
        found.execute("UPDATE sessions SET state = 'starting', revision = 1")
        yield found


def spend(connection: Connection, *numbers: int, at: float = BORN_AT) -> None:
    keep_requests(
        connection,
        [
            RequestRow(str(n), f"{RUN}/a", "p", "m", at, ending=DONE, tries=1)
            for n in numbers
        ],
    )


def look(connection: Connection, *, at: float = BORN_AT) -> bool:
    return warn(connection, read_allowances(connection, at=at), at=at)


def told(connection: Connection, run: str = RUN) -> list[tuple[str, str]]:
    names = ("budget_warned", "budget_gone")
    events = events_after(connection, run, 0, names=names)
    return [(one.name, json.loads(one.data)["words"]) for one in events]


def test_each_share_is_told_once_and_how_it_stands_is_there_to_read(
    connection: Connection,
):
    keep_budgets(connection, [OWN])
    spend(connection, *range(7))
    assert not look(connection)
    spend(connection, 7)
    assert look(connection)
    assert not look(connection)
    spend(connection, 8)
    look(connection)
    assert told(connection) == [("budget_warned", "budget requests 10 spent 8")]
    assert run_row(connection, RUN).warned == "budget requests 10 spent 9"
    spend(connection, 9, 10)
    look(connection)
    assert told(connection)[1:] == [("budget_gone", "budget requests 10 spent 11")]


def test_one_that_is_crossed_between_two_looks_is_told_as_gone(connection: Connection):
    keep_budgets(connection, [OWN])
    spend(connection, *range(12))
    look(connection)
    look(connection)
    assert told(connection) == [("budget_gone", "budget requests 10 spent 12")]


def test_a_run_that_comes_later_is_told_as_well(connection: Connection):
    keep_budgets(connection, [DAY])
    spend(connection, *range(9))
    look(connection)
    create_run(connection, "proud-wave", a_run("a"), at=BORN_AT)
    look(connection)
    words = "budget of the day requests 10 spent 9"
    for run in (RUN, "proud-wave"):
        assert told(connection, run) == [("budget_warned", words)]
        assert run_row(connection, run).warned == words


def test_two_budgets_are_both_told_the_run_s_own_first(connection: Connection):
    keep_budgets(connection, [DAY, OWN])
    spend(connection, *range(9))
    look(connection)
    assert run_row(connection, RUN).warned == (
        "budget requests 10 spent 9; budget of the day requests 10 spent 9"
    )


def test_at_midnight_a_budget_of_the_day_is_no_longer_told_and_told_anew_when_due(
    connection: Connection,
):
    keep_budgets(connection, [DAY])
    spend(connection, *range(9))
    look(connection)
    assert look(connection, at=BORN_AT + DAY_S)
    assert run_row(connection, RUN).warned is None
    spend(connection, *range(20, 28), at=BORN_AT + DAY_S)
    look(connection, at=BORN_AT + DAY_S)
    assert len(told(connection)) == 2


def test_one_that_is_raised_is_told_again_when_it_is_due_again(connection: Connection):
    keep_budgets(connection, [OWN])
    spend(connection, *range(9))
    look(connection)
    keep_budgets(connection, [Budget(OWN.scope, OWN.good, 11)])
    look(connection)
    assert len(told(connection)) == 2
