"""What sessions used: sums agree by any grouping, and outlive their runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.runs import RUN, a_recipe, a_run, a_task, life, moved, opened, written
from kimi_swarm.core.price import Price
from kimi_swarm.core.prices import Prices
from kimi_swarm.core.session import Ended, Outcome
from kimi_swarm.core.totals import NOTHING, Totals
from kimi_swarm.core.usage import Origin, Part, Tokens
from kimi_swarm.core.usage_sums import counted
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.moves import Findings, move_session
from kimi_swarm.store.prices import keep_prices, read_prices
from kimi_swarm.store.runs import create_run, delete_run
from kimi_swarm.store.totals import GROUPS, totals_by, totals_of

DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")
PROFILES = ("kilo", "kimi")
counts = st.integers(0, 10**12)
tokens = st.builds(lambda a, b, c, d: Tokens(a + b, b, c, d), *[counts] * 4)


class Life(NamedTuple):
    """How one session went."""

    profile: str
    outcome: Outcome
    parts: tuple[Part, ...]


def part(
    day: str, model: str, origin: Origin, usd_from: Origin, used: Tokens, usd: int
) -> Part:
    is_known, is_priced = origin is not Origin.UNKNOWN, usd_from is not Origin.UNKNOWN
    return Part(
        day,
        model,
        requests=int(is_known),
        requests_from=origin,
        tokens=used if is_known else Tokens(),
        tokens_from=origin,
        nano_usd=usd if is_priced else 0,
        usd_from=usd_from,
        retries=1,
        held_ms=5,
    )


parts = st.builds(
    part,
    st.sampled_from(DAYS),
    st.sampled_from(["", "kimi-k2.6", "kimi-k3"]),
    st.sampled_from(Origin),
    st.sampled_from(Origin),
    tokens,
    counts,
)
lives = st.builds(
    Life,
    st.sampled_from(PROFILES),
    st.sampled_from(Outcome),
    st.lists(parts, min_size=1, max_size=3).map(tuple),
)


def lived(connection: Connection, run: str, each: list[Life]) -> None:
    tasks = [
        a_task(f"t{number}", recipe=a_recipe(one.profile))
        for number, one in enumerate(each)
    ]
    create_run(connection, run, a_run(*tasks), at=1.0)
    for number, one in enumerate(each):
        *begun, ended = life(one.outcome)
        row = moved(connection, f"{run}/t{number}", *begun)
        move_session(connection, row, ended, findings=Findings(used=one.parts))


def added(each: dict[str, Totals]) -> Totals:
    return reduce(Totals.plus, each.values(), NOTHING)


@settings(max_examples=30)
@given(st.lists(st.lists(lives, min_size=1, max_size=4), min_size=1, max_size=3))
def test_sums_by_any_grouping_agree_and_clearing_keeps_them(runs: list[list[Life]]):
    with TemporaryDirectory() as folder, closing(opened(Path(folder))) as connection:
        for number, each in enumerate(runs):
            lived(connection, f"run-{number}", each)
        total = totals_of(connection)
        all_parts = [part for each in runs for one in each for part in one.parts]
        expected = reduce(Totals.plus, map(counted, all_parts), NOTHING)
        assert total.sessions == sum(map(len, runs))
        assert (total.tokens, total.nano_usd) == (expected.tokens, expected.nano_usd)
        assert total.requests == expected.requests
        for group in GROUPS:
            assert added(totals_by(connection, group)) == total
        by_run = {
            f"run-{number}": totals_of(connection, run=f"run-{number}")
            for number in range(len(runs))
        }
        assert added(by_run) == total
        for run, own in by_run.items():
            for group in GROUPS:
                assert added(totals_by(connection, group, run=run)) == own
        with transaction(connection):
            connection.execute("UPDATE runs SET state = 'done', ended_at = 1")
        for run in by_run:
            delete_run(connection, run)
        assert totals_of(connection) == total
        assert totals_of(connection, run="run-0") == NOTHING


def test_a_session_that_ends_is_counted_once_in_the_same_transaction(tmp_path: Path):
    with closing(written(tmp_path, "a")) as connection:
        *begun, ended = life()
        row = moved(connection, f"{RUN}/a", *begun)
        used = (Part(DAYS[0], "m", "", 1, Origin.TOLD, Tokens(5), Origin.TOLD),)
        connection.execute("BEGIN IMMEDIATE")
        move_session(connection, row, ended, findings=Findings(used=used))
        assert totals_of(connection).tokens == 5
        connection.execute("ROLLBACK")
        assert totals_of(connection) == NOTHING
        move_session(connection, row, ended, findings=Findings(used=used))
        assert totals_of(connection) == totals_of(connection, run=RUN)
        assert totals_of(connection).tokens == 5


def test_a_day_since_leaves_out_what_was_before(tmp_path: Path):
    each = [Part(day, "m", "", 1, Origin.TOLD, Tokens(1), Origin.TOLD) for day in DAYS]
    with closing(opened(tmp_path)) as connection:
        lived(connection, RUN, [Life("kimi", Outcome.SUCCEEDED, tuple(each))])
        for number, day in enumerate(DAYS):
            assert totals_of(connection, since=day).tokens == len(DAYS) - number
            assert totals_of(connection, run=RUN, since=day).tokens == 3 - number


def test_nobody_knows_what_a_session_used_that_ended_without_a_word(tmp_path: Path):
    with closing(written(tmp_path, "a", "b")) as connection:
        moved(connection, f"{RUN}/a", *life(Outcome.LOST))
        moved(connection, f"{RUN}/b", Ended(9.0, Outcome.CANCELLED, "killed"))
        assert totals_of(connection, run=RUN) == Totals(
            cancelled=1, lost=1, unknown_requests=1, unknown_tokens=1, unknown_usd=1
        )


def test_the_store_refuses_figures_for_what_is_unknown(tmp_path: Path):
    wrong = Part(DAYS[0], nano_usd=1)
    with closing(written(tmp_path, "a")) as connection:
        *begun, ended = life()
        row = moved(connection, f"{RUN}/a", *begun)
        with pytest.raises(sqlite3.IntegrityError):
            move_session(connection, row, ended, findings=Findings(used=(wrong,)))


def test_prices_are_kept_in_their_order_until_others_are_written(tmp_path: Path):
    first = Price("kimi-*", "2026-01-01", 0.6, 3.0, 0.1, "The list.")
    own = Price("kimi-k3", "2025-01-01", 1.0, 2.0)
    with closing(opened(tmp_path)) as connection:
        assert read_prices(connection) == Prices((), ())
        keep_prices(connection, Prices((own,), (first, own)))
        assert read_prices(connection) == Prices((own,), (first, own))
        keep_prices(connection, Prices((), (own,)))
        assert read_prices(connection) == Prices((), (own,))
