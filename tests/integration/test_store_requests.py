"""Requests in the store: kept once, added up for their session, gone with their run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_swarm.core.usage import Metered, Tokens
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.requests import (
    RequestRow,
    keep_requests,
    metered_of,
    requests_of,
)

SESSION = "calm-river/header"
DAY_S = 86_400.0
ROW = RequestRow("1", SESSION, "moon", "k", 5.0, tries=1, status=200)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Connection]:
    connection = open_database(str(tmp_path), create=True)
    assert connection is not None
    yield connection
    connection.close()


def test_a_row_that_is_written_again_is_one_row(store: Connection):
    keep_requests(store, [ROW, ROW._replace(id="2", session="calm-river/other")])
    keep_requests(store, [ROW._replace(input_tokens=7)])
    assert requests_of(store, SESSION) == [ROW._replace(input_tokens=7)]


def test_they_go_with_their_run(store: Connection):
    store.execute(
        "INSERT INTO runs (id, name, state, concurrency, plan, created_at)"
        " VALUES ('calm-river', 'x', 'running', 1, '{}', 0)"
    )
    keep_requests(store, [ROW])
    store.execute("DELETE FROM runs")
    assert requests_of(store, SESSION) == []


def test_what_is_known_is_added_up_apart_from_what_is_not(store: Connection):
    told = ROW._replace(
        input_tokens=100,
        cached_tokens=60,
        output_tokens=30,
        reasoning_tokens=20,
        held_s=0.25,
    )
    keep_requests(
        store,
        [
            told,
            told._replace(id="2", sent_again=1, tries=3, reasoning_tokens=None),
            ROW._replace(id="3", status=429),
            ROW._replace(
                id="4", ending="cut", input_tokens=100, estimated_output_tokens=7
            ),
            ROW._replace(id="8", ending="left", bytes_in=300),
            ROW._replace(id="5", ending="refused", tries=0, status=403),
            ROW._replace(id="6", model=""),
            told._replace(id="7", began_at=DAY_S + 1),
        ],
    )
    first, second = "1970-01-01", "1970-01-02"
    # Reasoning is told as a part of the output, and kept beside it.
    assert metered_of(store, SESSION) == [
        Metered(first, "k", "moon", 2, Tokens(200, 0, 7), is_estimated=True),
        Metered(first, "k", "moon", 3, Tokens(200, 120, 40, 20), again=3, held_ms=500),
        Metered(second, "k", "moon", 1, Tokens(100, 60, 10, 20), held_ms=250),
    ]


def test_a_session_without_any_has_none(store: Connection):
    assert metered_of(store, SESSION) == []
