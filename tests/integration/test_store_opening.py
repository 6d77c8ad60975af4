"""A state folder opens, or says in a sentence why it does not."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import RUN, a_run, opened, written
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import database_path
from kimi_swarm.store.database import (
    SCHEMA_VERSION,
    CorruptStateError,
    DiskFullError,
    NewerSchemaError,
    StateBusyError,
    StateFolderError,
    open_database,
    transaction,
    words_for_errors,
)
from kimi_swarm.store.runs import create_run
from kimi_swarm.store.schema import MIGRATIONS
from kimi_swarm.store.views import count_runs, recent_runs, run_row

OPEN_AND_WRITE = """
import sys
from fakes.runs import a_run, opened
from kimi_swarm.store.runs import create_run
from pathlib import Path
print("ready", flush=True)
sys.stdin.read()
connection = opened(Path(sys.argv[1]))
create_run(connection, sys.argv[2], a_run("header"), at=1.0)
"""


def fault_of(home: Path, *, create: bool = True) -> SwarmError:
    with pytest.raises(SwarmError) as caught:
        open_database(str(home), create=create)
    error = caught.value
    assert str(error).endswith(".")
    assert "\n" not in str(error)
    assert error.remedy.endswith(".")
    return error


def journal_of(connection: sqlite3.Connection) -> str:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode)


def test_where_nothing_was_ever_written_there_is_nothing_to_open(tmp_path: Path):
    home = tmp_path / "home"
    assert open_database(str(home), create=False) is None
    assert not home.exists()


def test_a_new_state_folder_is_private_and_at_this_schema(tmp_path: Path):
    home = tmp_path / "deep" / "home"
    with closing(opened(home)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        assert version == SCHEMA_VERSION == len(MIGRATIONS)
        assert journal_of(connection) == "wal"
        (keys,) = connection.execute("PRAGMA foreign_keys").fetchone()
        assert keys == 1
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_an_empty_file_left_by_a_crash_becomes_a_database(tmp_path: Path):
    Path(database_path(str(tmp_path))).touch()
    connection = open_database(str(tmp_path), create=False)
    assert connection is not None
    with closing(connection):
        assert count_runs(connection) == 0
        assert journal_of(connection) == "wal"


def test_a_newer_schema_is_refused_in_a_sentence_and_left_as_it_is(tmp_path: Path):
    opened(tmp_path).close()
    path = database_path(str(tmp_path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 7}")
    before = Path(path).read_bytes()
    for create in (True, False):
        error = fault_of(tmp_path, create=create)
        assert isinstance(error, NewerSchemaError)
        assert (error.code, error.exit_code) == ("newer_schema", 2)
        assert f"schema {SCHEMA_VERSION + 7}" in str(error)
        assert "Update kimi-swarm" in error.remedy
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(
    tmp_path: Path, *, create: bool
):
    path = Path(database_path(str(tmp_path)))
    path.write_text("This is a shopping list, not a database.\n" * 100)
    before = path.read_bytes()
    error = fault_of(tmp_path, create=create)
    assert isinstance(error, CorruptStateError)
    assert str(path) in error.remedy
    assert path.read_bytes() == before


def test_a_damaged_page_is_told_as_damage(tmp_path: Path):
    with closing(written(tmp_path, "header")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'runs'"
        ).fetchone()
    with Path(database_path(str(tmp_path))).open("r+b") as file:
        file.seek((page - 1) * size_bytes)
        file.write(b"\xa5" * size_bytes)
    connection = opened(tmp_path)
    with (
        closing(connection),
        pytest.raises(CorruptStateError),
        words_for_errors(str(tmp_path)),
    ):
        recent_runs(connection, limit=5)


def test_a_file_in_the_folders_place_is_told(tmp_path: Path):
    home = tmp_path / "home"
    home.write_text("in the way")
    error = fault_of(home)
    assert isinstance(error, StateFolderError)
    assert (error.code, error.exit_code) == ("state_unwritable", 2)
    assert str(home) in str(error)
    assert "KIMI_SWARM_HOME" in error.remedy


def test_a_file_above_the_folder_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    assert isinstance(fault_of(tmp_path / "file" / "home"), StateFolderError)


def test_a_folder_in_the_databases_place_is_told(tmp_path: Path):
    Path(database_path(str(tmp_path))).mkdir()
    for create in (True, False):
        assert isinstance(fault_of(tmp_path, create=create), StateFolderError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        assert isinstance(fault_of(tmp_path), StateFolderError)
        assert isinstance(fault_of(tmp_path / "below"), StateFolderError)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DiskFullError),
        (errno.EDQUOT, DiskFullError),
        (errno.EACCES, StateFolderError),
        (errno.EROFS, StateFolderError),
    ],
)
def test_what_the_system_says_is_put_into_words(
    tmp_path: Path, number: int, expected: type[SwarmError]
):
    with pytest.raises(expected), words_for_errors(str(tmp_path)):
        raise OSError(number, os.strerror(number))


def test_a_writer_that_holds_on_too_long_is_told_as_busy(tmp_path: Path):
    with (
        closing(opened(tmp_path)) as holder,
        closing(opened(tmp_path)) as other,
        transaction(holder),
    ):
        other.execute("PRAGMA busy_timeout = 1")
        with (
            pytest.raises(StateBusyError) as caught,
            words_for_errors(str(tmp_path)),
            transaction(other),
        ):
            raise AssertionError("two held the write lock")
        assert not other.in_transaction
    assert caught.value.retryable


def test_a_constraint_is_a_defect_of_ours_and_not_put_into_words(tmp_path: Path):
    with (
        closing(written(tmp_path, "header")) as connection,
        pytest.raises(sqlite3.IntegrityError),
        words_for_errors(str(tmp_path)),
    ):
        create_run(connection, RUN, a_run("header"), at=1.0)


def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    half = f"{MIGRATIONS[0]}\nCREATE TABLE runs (id TEXT);\n"
    monkeypatch.setattr("kimi_swarm.store.schema.MIGRATIONS", (half,))
    assert isinstance(fault_of(tmp_path), StateFolderError)
    monkeypatch.undo()
    with closing(opened(tmp_path)) as connection:
        assert count_runs(connection) == 0


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that all open the same new folder when told to."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_WRITE, str(tmp_path / "home"), f"run-{i}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for i in range(8)
    ]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def test_processes_may_create_the_database_at_the_same_moment(
    tmp_path: Path, crowd: list[subprocess.Popen[str]]
):
    for process in crowd:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    for process in crowd:
        _, told = process.communicate(timeout=60)
        assert (process.returncode, told) == (0, "")
    with closing(opened(tmp_path / "home")) as connection:
        names = {f"run-{i}" for i in range(len(crowd))}
        assert {row.id for row in recent_runs(connection, limit=99)} == names
        assert run_row(connection, "run-0").counts == {"queued": 1}
