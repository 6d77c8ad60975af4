"""What sessions told of their usage up to schema 6 is counted, and no more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import RUN, life, moved, opened
from kimi_swarm.core.totals import Totals
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.runs import delete_run
from kimi_swarm.store.totals import totals_by, totals_of
from upgrade.make_state import DONE

TOLD = Totals(
    succeeded=1,
    unknown_requests=1,
    input_tokens=900,
    cached_tokens=600,
    output_tokens=40,
    reasoning_tokens=5,
    told_tokens=945,
    told_nano_usd=4_529_500,
    retries=2,
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    shutil.copy(Path(__file__).parent / "schema-6" / "state.db", tmp_path)
    found = open_database(str(tmp_path), create=False)
    assert found is not None
    with closing(found):
        yield found


def test_it_comes_to_the_tables_of_today(connection: Connection, tmp_path: Path):
    asked = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    with closing(opened(tmp_path / "new")) as new:
        assert connection.execute(asked).fetchall() == new.execute(asked).fetchall()


def test_what_sessions_told_is_counted_as_told(connection: Connection):
    assert totals_of(connection, run=RUN) == TOLD
    assert totals_by(connection, "day") == {
        "1970-01-01": totals_of(connection),
    }


def test_of_sessions_that_told_nothing_all_is_unknown_but_of_those_not_started(
    connection: Connection,
):
    unknown = Totals(
        lost=1, timed_out=1, unknown_requests=1, unknown_tokens=1, unknown_usd=1
    )
    assert totals_of(connection, run=DONE) == unknown
    assert totals_of(connection) == unknown.plus(TOLD)


def test_its_sessions_go_on_and_are_counted_with_the_others(connection: Connection):
    before = totals_of(connection)
    moved(connection, f"{RUN}/starting", *life()[1:])
    assert totals_of(connection).minus(before).succeeded == 1
    delete_run(connection, DONE)
    assert totals_of(connection).lost == 1
