"""A full disk is told in a sentence; nothing is changed and nothing is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import disks
from fakes.disks import fill
from fakes.runs import BORN_AT, RUN, a_run, life, moved, opened, written
from kimi_swarm.core.session import Chosen
from kimi_swarm.store.database import (
    Connection,
    DiskFullError,
    open_database,
    transaction,
    words_for_errors,
)
from kimi_swarm.store.runs import NewRun, create_run
from kimi_swarm.store.views import count_runs, run_row, session_row

A_LONG_PLAN = replace(a_run("header"), notes=("words " * 200_000,))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disks.small_disk(tmp_path / "disk", size_mib=2) as folder:
        yield folder


def sound(connection: Connection) -> bool:
    answer = connection.execute("PRAGMA integrity_check").fetchall()
    return answer == [("ok",)] and not connection.in_transaction


def refused(home: Path, connection: Connection, run: str, new: NewRun) -> None:
    with pytest.raises(DiskFullError) as caught, words_for_errors(str(home)):
        create_run(connection, run, new, at=BORN_AT)
    assert (caught.value.code, caught.value.exit_code) == ("disk_full", 2)
    assert str(home) in str(caught.value)
    assert "nothing was changed" in str(caught.value)


@pytest.mark.parametrize("leave_bytes", [0, 4096, 16_384])
def test_a_database_that_finds_no_room_is_refused_and_made_later(
    small_disk: Path, leave_bytes: int
):
    filler = fill(small_disk, leave_bytes=leave_bytes)
    with pytest.raises(DiskFullError):
        open_database(str(small_disk), create=True)
    filler.unlink()
    with closing(written(small_disk, "header")) as connection:
        assert sound(connection)
        assert run_row(connection, RUN).counts == {"queued": 1}


def test_a_run_that_finds_no_room_is_not_there(small_disk: Path):
    with closing(written(small_disk, "header")) as connection:
        filler = fill(small_disk, leave_bytes=20_000)
        refused(small_disk, connection, "big-run", A_LONG_PLAN)
        assert sound(connection)
        assert count_runs(connection) == 1
        filler.unlink()
        moved(connection, f"{RUN}/header", *life())
        create_run(connection, "big-run", a_run("header"), at=BORN_AT)
    with closing(opened(small_disk)) as connection:
        assert sound(connection)
        assert count_runs(connection) == 2


def test_a_disk_that_fills_up_in_small_steps_never_tears_a_move(small_disk: Path):
    names = [f"t{number}" for number in range(300)]
    with closing(written(small_disk, *names)) as connection:
        fill(small_disk, leave_bytes=200_000)
        done = 0

        def move_all() -> None:
            nonlocal done
            with words_for_errors(str(small_disk)):
                for name in names:
                    moved(connection, f"{RUN}/{name}", Chosen(1.0))
                    done += 1

        with pytest.raises(DiskFullError):
            move_all()
        assert sound(connection)
        assert 0 < done < len(names)
        assert session_row(connection, f"{RUN}/t{done}").state == "queued"
        told = connection.execute("SELECT count(*) FROM events WHERE name = 'chosen'")
        assert told.fetchone() == (done,)


def test_reading_goes_on_where_there_is_no_room(small_disk: Path):
    with closing(written(small_disk, "header")) as connection:
        fill(small_disk)
        assert run_row(connection, RUN).counts == {"queued": 1}
    again = open_database(str(small_disk), create=False)
    assert again is not None
    with closing(again):
        assert run_row(again, RUN).counts == {"queued": 1}


def test_a_quota_on_the_database_is_told_like_a_full_disk(tmp_path: Path):
    with closing(written(tmp_path, "header")) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        refused(tmp_path, connection, "big-run", A_LONG_PLAN)
        assert sound(connection)
        assert count_runs(connection) == 1
        moved(connection, f"{RUN}/header", Chosen(1.0))


def test_a_commit_that_fails_holds_no_lock(tmp_path: Path):
    with closing(written(tmp_path, "header")) as one, closing(opened(tmp_path)) as two:

        def leave_an_orphan() -> None:
            with transaction(one):
                one.execute("PRAGMA defer_foreign_keys = ON")
                one.execute("UPDATE tasks SET run = 'no-run'")

        with pytest.raises(Exception, match="FOREIGN KEY"):
            leave_an_orphan()
        assert not one.in_transaction
        two.execute("PRAGMA busy_timeout = 1")
        moved(two, f"{RUN}/header", Chosen(1.0))
