"""What must be true of a state folder once everything in it has ended, whatever died.

Every look returns a sentence for each thing that is wrong: none is the aim.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path

from kimi_swarm.core.names import parse_session
from kimi_swarm.core.session import MOVES, IllegalMoveError, replay
from kimi_swarm.location import session_folder
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.records import LaunchFiles, read_exit
from kimi_swarm.store.database import Connection, open_database
from kimi_swarm.store.moves import move_of, state_of
from kimi_swarm.store.views import SessionRow, events_after, sessions_of

LETTING_GO_S = 5.0


class Aftermath:
    """A state folder that is over: its sessions, and what is wrong with them."""

    def __init__(self, home: Path, runs: list[str]) -> None:
        self.home = home
        connection = open_database(str(home), create=False)
        assert connection is not None
        try:
            self.sessions = [
                row for run in runs for row in sessions_of(connection, run)
            ]
            self.bad_ends = [
                told for row in self.sessions for told in _bad_end(connection, row)
            ]
            self.bad_replays = [
                told for row in self.sessions for told in _bad_replay(connection, row)
            ]
        finally:
            connection.close()
        self.bad_exit_codes = [
            told for row in self.sessions for told in _bad_exit_code(home, row)
        ]

    def outcomes(self) -> Counter[str]:
        """Count the sessions by outcome."""
        return Counter(str(row.outcome or row.state) for row in self.sessions)

    def left_files(self) -> list[str]:
        """Return half-written files, and locks that somebody still holds."""
        wrong = [f"{path} is left" for path in self.home.rglob("*.new")]
        # A killed process lets go of what it is known by before it lets go of locks.
        deadline = time.monotonic() + LETTING_GO_S
        while held := self._held():
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        return [*wrong, *held]

    def _held(self) -> list[str]:
        locks = [path for path in self.home.rglob("*lock") if path.is_file()]
        return [f"{path} is held" for path in locks if is_locked(str(path))]


def left_worktrees(repository: Path) -> list[str]:
    """Return registered worktrees whose folder is gone, and locks of a dead git."""
    listed = subprocess.run(
        ["git", "-C", str(repository), "worktree", "list", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    places = [
        line.removeprefix("worktree ")
        for line in listed.splitlines()
        if line.startswith("worktree ")
    ]
    wrong = [f"{place} is gone" for place in places if not Path(place).is_dir()]
    return wrong + [f"{path} is left" for path in (repository / ".git").rglob("*.lock")]


def _bad_end(connection: Connection, row: SessionRow) -> list[str]:
    if row.state != "done" or not row.outcome or not row.reason:
        return [f"{row.id} is {row.state}, {row.outcome} ({row.reason})"]
    ends = events_after(connection, row.id, 0, names=("ended",))
    return [] if len(ends) == 1 else [f"{row.id} ended {len(ends)} times"]


def _bad_replay(connection: Connection, row: SessionRow) -> list[str]:
    events = events_after(connection, row.id, 0, names=tuple(MOVES))
    state = state_of(row)
    try:
        told = replay(row.created_at, [move_of(event) for event in events])
    except IllegalMoveError as error:
        return [f"{row.id} has a diary that cannot be: {error}"]
    return [] if told == state else [f"{row.id} is {state}, its diary says {told}"]


def _bad_exit_code(home: Path, row: SessionRow) -> list[str]:
    """Compare what the shim wrote with what the store has."""
    folder = session_folder(str(home), row.run, parse_session(row.id).slug)
    record = read_exit(LaunchFiles(f"{folder}/work"))
    written = None if record is None else record.exit_code
    if written == row.exit_code:
        return []
    return [f"{row.id} has exit code {row.exit_code}, its shim wrote {written}"]
