"""The ground a supervisor stands on: its folder is still there, its schema still known.

And what it does when the ground gives way: troubles that pass are waited for, at the
door, and said once. Workers need no supervisor meanwhile.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import anyio

from kimi_swarm.location import supervisor_lock_path
from kimi_swarm.process.bell import prepare_socket_folder
from kimi_swarm.store.database import (
    Connection,
    DiskFullError,
    StateBusyError,
    StateError,
    StateFolderError,
    StateGoneError,
    has_room,
    require_known_schema,
)
from kimi_swarm.supervisor.door import Door

PAUSE_S = 0.5
PASSING = (DiskFullError, StateBusyError, StateFolderError)


class Ground:
    """A state folder as the holder of its lock first saw it."""

    def __init__(self, home: str, lock: int, connection: Connection) -> None:
        self._home = home
        self._lock = lock
        self._connection = connection
        self._said: str | None = None

    def require(self) -> None:
        """Raise StateGoneError or NewerSchemaError unless all is as it was.

        A folder that was moved has another lock at its place, or none.
        """
        try:
            there = os.stat(supervisor_lock_path(self._home))  # noqa: PTH116 a string
        except OSError:
            raise StateGoneError(self._home) from None
        if not os.path.samestat(there, os.fstat(self._lock)):
            raise StateGoneError(self._home)
        require_known_schema(self._connection)

    def require_writable(self, error: Exception) -> None:
        """Raise DiskFullError or StateFolderError where that is why `error` came."""
        if not has_room(self._home):
            raise DiskFullError(self._home) from error
        if not os.access(self._home, os.W_OK):
            raise StateFolderError(self._home, "it cannot be written") from error

    async def recover(self, trouble: StateError) -> None:
        """Wait until a trouble may have passed; raise it again if it never will."""
        if not isinstance(trouble, PASSING):
            raise trouble
        self._say(trouble)
        async with anyio.create_task_group() as group:
            door = Door(self._home, lambda _run, _env: None)
            with suppress(OSError):  # no room for a socket: callers find nobody
                prepare_socket_folder(self._home)
                await group.start(door.serve)
            await anyio.sleep(PAUSE_S)
            while self._is_full_still(trouble):  # noqa: ASYNC110 nothing announces room
                await anyio.sleep(PAUSE_S)
            self._say(trouble)
            group.cancel_scope.cancel()

    def _is_full_still(self, trouble: StateError) -> bool:
        return isinstance(trouble, DiskFullError) and not has_room(self._home)

    def _say(self, trouble: StateError) -> None:
        """Write a trouble to the log, once for as long as it is the same."""
        if self._said == trouble.code:
            return
        with suppress(OSError):  # the log may have no room either: then later
            told = "Work goes on when that has passed."
            os.write(
                sys.stderr.fileno(), f"{trouble.code}: {trouble} {told}\n".encode()
            )
            self._said = trouble.code
