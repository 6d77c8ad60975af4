"""What a session used, at its end: as the gateway measured it, else as was told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import BORN_AT, RUN, life, moved, written
from kimi_swarm.actions.stats import stats_of
from kimi_swarm.core.budget import Budget, Good
from kimi_swarm.core.output import UsageCounted
from kimi_swarm.core.price import Price
from kimi_swarm.core.prices import Prices
from kimi_swarm.core.usage import Told
from kimi_swarm.core.usage_sums import By
from kimi_swarm.store.budgets import keep_budgets, spent_on, standing
from kimi_swarm.store.database import Connection, open_database
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


def sums(connection: Connection) -> tuple[int, int, int, int]:
    """Return tokens of the run and of its day, requests and sessions."""
    run, day = totals_of(connection, run=RUN), totals_of(connection)
    assert spent_on(connection, "day", at=BORN_AT).whole.tokens == day.tokens
    return run.tokens, day.tokens, run.requests, run.sessions


def test_a_request_that_comes_after_its_session_was_settled_counts_once(
    connection: Connection,
):
    keep_requests(connection, [asked("1", 300, 200, 10)])
    ended(connection, Told())
    for _ in range(2):  # whoever died in between tells it again
        keep_requests(connection, [asked("1", 300, 200, 10), asked("2", 5000, 0, 700)])
    assert sums(connection) == (6010, 6010, 2, 1)
    assert spent_on(connection, f"run/{RUN}", at=BORN_AT).whole.tokens == 6010
    keep_requests(connection, [asked("3", 1, 0, 1)])
    assert sums(connection) == (6012, 6012, 3, 1)
    assert stats_of(connection, RUN, by=By.MODEL).total.retries == 0


def test_late_requests_stand_in_for_what_the_worker_told_of_them(
    connection: Connection,
):
    ended(connection, Told(UsageCounted(5000, 0, 700, 0), "m", 2))
    assert totals_of(connection).told_tokens == 5700
    keep_requests(connection, [asked("1", 5000, 0, 700)])
    found = totals_of(connection)
    assert sums(connection) == (5700, 5700, 1, 1)
    assert (found.told_tokens, found.measured_tokens) == (0, 5700)
    assert (found.unknown_requests, found.retries) == (0, 2)


def test_how_long_sessions_worked_is_counted_while_they_do_and_once_they_are_over(
    connection: Connection,
):
    def used(at: float) -> tuple[float, int]:
        whole = spent_on(connection, "day", at=at).whole
        return whole.wall_s, whole.sessions

    # It was launched three seconds after its run was born, and ends a second later.
    assert used(BORN_AT + 3.5) == (0.5, 1)
    ended(connection, Told())
    assert used(BORN_AT + 60) == (1.0, 1)
    keep_requests(connection, [asked("late", 5, 0, 7)])
    assert used(BORN_AT + 60) == (1.0, 1)
    assert spent_on(connection, "month", at=BORN_AT).whole.wall_s == 1.0


def seen_while_it_ends(home: Path, statement: int) -> tuple[float, int]:
    """Return what is seen of a run's spending whose session ends in the middle.

    That is before the reader's statement of this number; and how many it made in all.
    """
    with closing(written(home, "a", "b")) as reader:
        moved(reader, SESSION, *life()[:-1])
        keep_budgets(reader, [Budget(f"run/{RUN}", Good.TOKENS, 1000.0)])
        keep_requests(reader, [asked("1", 900, 0, 200)])
        made: list[str] = []

        def note(text: str) -> None:
            made.append(text)
            if len(made) == statement:
                other = open_database(str(home), create=False)
                assert other is not None
                with closing(other):
                    ended(other, Told())

        reader.set_trace_callback(note)
        found = standing(reader, at=BORN_AT)
        reader.set_trace_callback(None)
        return found.spent[f"run/{RUN}"].tokens, len(made)


def test_a_session_that_ends_between_two_looks_is_in_one_of_them(tmp_path: Path):
    seen, statements = seen_while_it_ends(tmp_path / "0", 0)
    assert seen == 1100
    for number in range(1, statements + 1):
        assert seen_while_it_ends(tmp_path / str(number), number)[0] == 1100


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
