"""Opening the database: settings, migrations, transactions, and its errors in words.

WAL with synchronous NORMAL and a patient busy handler, and BEGIN IMMEDIATE for every
write: a read that turns into a write would fail at once instead of waiting. SQLite's
own documentation of WAL names both.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kimi_swarm.errors import SwarmError
from kimi_swarm.location import database_path

Connection = sqlite3.Connection
DatabaseError = sqlite3.Error
SCHEMA_VERSION = 13
BUSY_TIMEOUT_S = 60.0
MODE_STEP_S = 0.01
ROOM_FOR_A_PAGE_BYTES = 65_536


class StateError(SwarmError):
    """Raised when the state cannot be read or written: root of what can be wrong."""


class StateFolderError(StateError):
    """Raised when the state folder cannot be made, written or read."""

    code = "state_unwritable"

    def __init__(self, home: str, why: str) -> None:
        super().__init__(
            f"The state folder {home} cannot be used: {why}.",
            remedy="Set KIMI_SWARM_HOME to a folder you may write to.",
        )


class NewerSchemaError(StateError):
    """Raised when a newer kimi-swarm has written the database."""

    code = "newer_schema"

    def __init__(self, home: str, found: int) -> None:
        super().__init__(
            f"The state in {home} was written by a newer kimi-swarm "
            f"(schema {found}, this one knows {SCHEMA_VERSION}).",
            remedy="Update kimi-swarm, or set KIMI_SWARM_HOME to another folder.",
        )


class CorruptStateError(StateError):
    """Raised when the database file is damaged."""

    code = "state_corrupt"

    def __init__(self, home: str) -> None:
        super().__init__(
            f"The database in {home} is damaged or is not a database.",
            remedy=f"Move {database_path(home)} away and start again; branches and "
            "workspaces are not in it and stay.",
        )


class StateGoneError(StateError):
    """Raised when the state folder was moved or deleted under a supervisor."""

    code = "state_gone"

    def __init__(self, home: str) -> None:
        super().__init__(
            f"The state folder {home} was moved or deleted while work was going on.",
            remedy="Workers end by their own time limits; spawn again what you need.",
        )


class DiskFullError(StateError):
    """Raised when there is no room left to write state; nothing was changed."""

    code = "disk_full"

    def __init__(self, home: str) -> None:
        super().__init__(
            f"There is no space left for the state folder {home}; nothing was changed.",
            remedy="Free some space, or set KIMI_SWARM_HOME to another disk.",
        )


class StateBusyError(StateError):
    """Raised when other writers held the database for too long."""

    code = "state_busy"
    exit_code = 1
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            f"The state database stayed locked for {BUSY_TIMEOUT_S:g} s.",
            remedy="Try again.",
        )


def open_database(home: str, *, create: bool) -> sqlite3.Connection | None:
    """Open the database of a state folder, migrated to this version.

    Without `create`, returns None where there is none yet. Raises StateFolderError,
    NewerSchemaError, CorruptStateError, DiskFullError.
    """
    path = database_path(home)
    with words_for_errors(home):
        if not os.path.exists(path):  # noqa: PTH110 light, for hot verbs
            if not create:
                return None
            os.makedirs(home, mode=0o700, exist_ok=True)  # noqa: PTH103 as above
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, cached_statements=64
        )
        try:
            _prepare(connection, home, create=create)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, home: str, *, create: bool) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA_VERSION:
        raise NewerSchemaError(home, found)
    if found < SCHEMA_VERSION or create:
        # Answers with an error, not a locked wait, on a folder that cannot be written.
        _set_journal_mode(connection)
    if found < SCHEMA_VERSION:
        _migrate(connection)


def _set_journal_mode(connection: sqlite3.Connection) -> None:
    """Keep a write-ahead log.

    Of two that change the mode at once SQLite refuses one at once, however patient its
    busy handler: who is refused looks again until the other is done.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(MODE_STEP_S)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    from kimi_swarm.store.schema import MIGRATIONS  # noqa: PLC0415 needed once a life

    with transaction(connection):
        # Read again under the lock: another process may have migrated meanwhile.
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        for number, script in enumerate(MIGRATIONS[found:], start=found + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> Iterator[str]:
    """Cut a script at complete statements: executescript would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock from the first moment; commit at the end, else roll back.

    Inside another transaction it is a part of that one. Raises NewerSchemaError when
    the database was migrated since it was opened.
    """
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        require_known_schema(connection)
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A commit can fail too, and would leave the write lock held.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def at_one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Read as of one moment, whatever others write; part of a transaction there is."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def require_known_schema(connection: sqlite3.Connection) -> None:
    """Raise NewerSchemaError if a newer kimi-swarm has migrated an open database."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA_VERSION:
        ((_, _, path),) = connection.execute("PRAGMA database_list").fetchall()
        raise NewerSchemaError(os.path.dirname(path), found)  # noqa: PTH120 light


@contextmanager
def words_for_errors(home: str) -> Iterator[None]:
    """Turn what SQLite and the system say into errors a user can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _in_words(home, error) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise CorruptStateError(home) from error
    except BrokenPipeError:
        raise  # whoever read our output has left: no matter of the state folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(home) from error
        raise StateFolderError(home, error.strerror or str(error)) from error


def _in_words(home: str, error: sqlite3.OperationalError) -> SwarmError:
    code = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else 0
    match code:
        case sqlite3.SQLITE_FULL:
            return DiskFullError(home)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StateBusyError()
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CorruptStateError(home)
        case sqlite3.SQLITE_IOERR if not has_room(home):
            return DiskFullError(home)
        case _:
            return StateFolderError(home, str(error))


def has_room(home: str) -> bool:
    """Whether the disk has room for a page: SQLite may call its lack an I/O error."""
    try:
        space = os.statvfs(home)
    except OSError:
        return True
    return space.f_bavail * space.f_frsize >= ROOM_FOR_A_PAGE_BYTES
