"""Notices: which host is to be told of a run's ends, and how far that is. Light.

A notice waits until its run ends or is stuck; then it is due until its host accepted
it, its asker was told otherwise, or it was given up. A run that goes on makes it wait
again. Triggers of the schema do that in the transaction of the end itself.
"""

from __future__ import annotations

import sqlite3

from kimi_swarm.core.row import Row
from kimi_swarm.store.database import transaction
from kimi_swarm.store.inbox import End


class NoticeRow(Row):
    """A notice as it stands; `command` is JSON, `seq` the end that it tells of.

    `held` is the budget on which its run is stuck, where that is what it tells of.
    """

    run: str
    asker: str
    command: str
    state: str
    seq: int | None
    tries: int
    due_at: float
    trouble: str | None
    held: str | None

    @property
    def end(self) -> End:
        """The end that a due notice tells of."""
        return End(self.seq or 0, self.run, self.due_at, self.held)


_HELD = "(SELECT held FROM runs WHERE id = notices.run AND stuck_seq = notices.seq)"
_COLUMNS = ", ".join((*NoticeRow._fields[:-1], _HELD))


def wish_notice(
    connection: sqlite3.Connection, run: str, asker: str, command: str
) -> None:
    """Wish that an asker's host is told of a run's next ends.

    Inside the caller's transaction, who opens the run.
    """
    connection.execute(
        "INSERT OR REPLACE INTO notices (run, asker, command) VALUES (?, ?, ?)",
        (run, asker, command),
    )


def first_due(connection: sqlite3.Connection) -> NoticeRow | None:
    """Return the notice that is due first, None where none is due at any time."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM notices WHERE state = 'due' ORDER BY due_at LIMIT 1"  # noqa: S608 ours
    ).fetchone()
    return NoticeRow(*row) if row else None


def settle(
    connection: sqlite3.Connection, notice: NoticeRow, state: str, trouble: str | None
) -> None:
    """Write down that a due notice is over: accepted, told or given up.

    Changes nothing if its run went on, or was cleared, meanwhile.
    """
    _write(connection, notice, state, notice.due_at, trouble)


def put_off(
    connection: sqlite3.Connection, notice: NoticeRow, due_at: float, trouble: str
) -> None:
    """Write down that a host did not accept a notice, and when it is tried again."""
    _write(connection, notice, "due", due_at, trouble)


def _write(
    connection: sqlite3.Connection,
    notice: NoticeRow,
    state: str,
    due_at: float,
    trouble: str | None,
) -> None:
    with transaction(connection):
        connection.execute(
            "UPDATE notices SET state = ?, tries = ?, due_at = ?, trouble = ?"
            " WHERE run = ? AND asker = ? AND state = 'due' AND seq = ?",
            (
                state,
                notice.tries,
                due_at,
                trouble,
                notice.run,
                notice.asker,
                notice.seq,
            ),
        )


def notices_of(connection: sqlite3.Connection, run: str) -> list[NoticeRow]:
    """Return the notices of a run."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM notices WHERE run = ? ORDER BY asker",  # noqa: S608 ours
        (run,),
    )
    return [NoticeRow(*row) for row in rows]


def given_up(connection: sqlite3.Connection) -> list[NoticeRow]:
    """Return every notice that was given up."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM notices WHERE state = 'given_up' ORDER BY run"  # noqa: S608 ours
    )
    return [NoticeRow(*row) for row in rows]
