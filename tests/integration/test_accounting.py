"""What a session used, at its end: as the gateway measured it, else as was told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import BORN_AT, RUN, life, moved, written
from kimi_swarm.actions.stats import stats_of
from kimi_swarm.core.output import UsageCounted
from kimi_swarm.core.price import Price
from kimi_swarm.core.prices import Prices
from kimi_swarm.core.usage import Told
from kimi_swarm.core.usage_sums import By
from kimi_swarm.store.database import Connection
from kimi_swarm.store.moves import Findings, move_session
from kimi_swarm.store.prices import keep_prices
from kimi_swarm.store.requests import DONE, RequestRow, keep_requests
from kimi_swarm.store.totals import totals_of
from kimi_swarm.store.views import session_row
from kimi_swarm.supervisor.accounting import accounted

SESSION = f"{RUN}/a"
PRICES = Prices((Price("m", "1970-01-01", 1.0, 2.0, 0.5),), ())
NANO_USD = (400 * 1_000 + 600 * 500) + 40 * 2_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(written(tmp_path, "a", "b")) as found:
        keep_prices(found, PRICES)
        moved(found, SESSION, *life()[:-1])
        yield found


def asked(name: str, went_in: int, cached: int, came_out: int) -> RequestRow:
    return RequestRow(
        *(name, SESSION, "pool", "m", BORN_AT),
        ended_at=BORN_AT + 1,
        ending=DONE,
        status=200,
        input_tokens=went_in,
        cached_tokens=cached,
        output_tokens=came_out,
        reasoning_tokens=0,
        held_s=1.5,
        tries=1,
    )


def ended(connection: Connection, told: Told) -> Findings:
    row, end = session_row(connection, SESSION), life()[-1]
    found = accounted(connection, row, Findings(told=told), at=end.at)
    move_session(connection, row, end, findings=found)
    return found


def test_measured_and_told_agree_where_there_are_both(connection: Connection):
    keep_requests(connection, [asked("1", 300, 200, 10), asked("2", 700, 400, 30)])
    told = Told(UsageCounted(1000, 600, 40, 0, requests=2), "m")
    alone = accounted(
        connection, session_row(connection, f"{RUN}/b"), Findings(told=told), at=1.0
    )
    assert alone.used == ()  # its worker never started
    found = ended(connection, told)
    assert found.detail is not None
    usage = found.detail["usage"]
    assert usage["tokens_from"] == usage["requests_from"] == "measured"
    assert (usage["requests"], usage["input_tokens"], usage["output_tokens"]) == (
        told.counted and (told.counted.requests, 1000, 40)
    )
    sums = totals_of(connection, run=RUN)
    assert (sums.requests, sums.tokens, sums.held_ms) == (2, 1040, 3000)
    assert sums.measured_tokens == 1040
    assert (sums.told_tokens, sums.estimated_nano_usd) == (0, NANO_USD)


def test_without_requests_the_same_session_costs_what_its_worker_told(
    connection: Connection,
):
    ended(connection, Told(UsageCounted(1000, 600, 40, 0, requests=2), "m"))
    sums = totals_of(connection, run=RUN)
    assert (sums.told_tokens, sums.estimated_nano_usd) == (1040, NANO_USD)


def test_a_session_at_work_counts_what_it_asked_for_so_far_and_once_when_it_ends(
    connection: Connection,
):
    keep_requests(connection, [asked("1", 1000, 600, 40)])
    for by in By:
        found = stats_of(connection, RUN, by=by)
        assert (found.total.live, found.total.tokens) == (1, 1040)
        assert found.total.estimated_nano_usd == NANO_USD
        assert sum(group.totals.tokens for group in found.groups) == 1040
    ended(connection, Told())
    total = stats_of(connection, RUN).total
    assert (total.live, total.succeeded, total.tokens) == (0, 1, 1040)
    assert total.estimated_nano_usd == NANO_USD
