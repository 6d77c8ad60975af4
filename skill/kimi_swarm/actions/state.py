"""Opening the state folder for an action, and hearing of its changes. Light."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from kimi_swarm.store.database import Connection, open_database, words_for_errors
from kimi_swarm.store.views import (
    UnknownRunError,
    UnknownSessionError,
    wants_supervisor,
)

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from socket import socket

    from kimi_swarm.core.task import Task

HEARTBEAT_S = 15.0
BOTH_WAYS = 2
"""`socket.SHUT_RDWR`, for those who have no socket yet."""


class Line:
    """A thread that waits for changes listens on it; another may `cut` it at once."""

    __slots__ = ("_bell", "is_cut")

    def __init__(self) -> None:
        self._bell: socket | None = None
        self.is_cut = False

    def listen(self, bell: socket | None) -> None:
        """Remember what the waiting thread hears; it looks at `is_cut` afterwards."""
        self._bell = bell

    def cut(self) -> None:
        """End the wait, from any thread, now or as soon as it begins."""
        self.is_cut = True
        if self._bell is None:
            return
        try:
            self._bell.shutdown(BOTH_WAYS)
        except OSError:  # it rang off by itself
            return


@contextmanager
def reading(home: str) -> Iterator[Connection | None]:
    """Open the state for reading; None where nothing was ever spawned."""
    connection = open_database(home, create=False)
    if connection is None:
        yield None
        return
    try:
        with words_for_errors(home):
            yield connection
    finally:
        connection.close()


@contextmanager
def existing(home: str, scope: str) -> Iterator[Connection]:
    """Open the state for an action on a run or session.

    Raises UnknownRunError or UnknownSessionError where nothing was ever spawned.
    """
    with reading(home) as connection:
        if connection is None:
            if "/" in scope:
                raise UnknownSessionError(scope)
            raise UnknownRunError(scope)
        yield connection


def keep_alive(home: str, connection: Connection) -> None:
    """Replace the supervisor if there is work and none is there to do it."""
    if not wants_supervisor(connection):
        return
    from kimi_swarm.process.detach import (  # noqa: PLC0415 only while something runs
        ensure_supervisor,
    )

    ensure_supervisor(home)


def changes(
    home: str,
    connection: Connection,
    deadline: float | None,
    *,
    step_s: float = HEARTBEAT_S,
    line: Line | None = None,
) -> Iterator[None]:
    """Yield now, then whenever something may have changed, until the deadline passes.

    `deadline` is on the monotonic clock; None waits as long as it takes. Yields at
    least every `step_s`. A supervisor that dies meanwhile is replaced. Ends as soon as
    its `line` is cut.
    """
    yield  # what is over already is told without a bell
    from kimi_swarm.process.bell import watch  # noqa: PLC0415 only who waits needs it

    line = line or Line()
    while not line.is_cut:
        keep_alive(home, connection)
        bell = watch(home)
        line.listen(bell)
        if bell is None:
            yield
            # Nothing runs (or a supervisor is just leaving): look again shortly.
            if _left_s(deadline) <= 0:
                return
            time.sleep(min(0.05, _left_s(deadline)))
            continue
        # Whoever has seen enough stops listening at any yield.
        with bell:
            yield
            while not line.is_cut:
                left_s = _left_s(deadline)
                if left_s <= 0:
                    return
                bell.settimeout(min(left_s, step_s))
                try:
                    if not bell.recv(4096):
                        break
                except TimeoutError:
                    pass
                except OSError:
                    break
                yield


def _left_s(deadline: float | None) -> float:
    return HEARTBEAT_S if deadline is None else deadline - time.monotonic()


def passed_values(
    tasks: Iterable[Task], environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the values that workers take from an environment, ours if not given."""
    given = os.environ if environ is None else environ
    names = {name for task in tasks for name in task.recipe.env_pass}
    return {name: given[name] for name in names if name in given}


def program_name() -> str:
    """Return how to call this program again, as the user did."""
    return os.environ.get("KIMI_SWARM_PROG", "kimi-swarm")
