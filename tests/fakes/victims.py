"""Finding exactly the processes of one state folder, and ending one by force.

Never by name alone: the supervisor by its lock, its zygote by kinship, shims by their
record with the start time, workers by kinship with their shim.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.core.names import parse_session
from kimi_swarm.location import session_folder, supervisor_lock_path
from kimi_swarm.process.platform import ProcessIdentity, identity
from kimi_swarm.process.records import LaunchFiles, read_shim
from kimi_swarm.store.database import Connection
from kimi_swarm.store.views import live_sessions


class Victim(NamedTuple):
    """A live process to be ended, and the session whose it is, if it is one's."""

    who: ProcessIdentity
    session: str | None


def find_supervisor(
    home: Path, _store: Connection, _dice: random.Random
) -> Victim | None:
    """Return the process that took the state folder's lock."""
    try:
        lock = Path(supervisor_lock_path(str(home))).stat()
    except FileNotFoundError:
        return None
    place = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        # A line that begins with `->` waits for the lock above it: proc_locks(5).
        if "FLOCK" in fields[1:2] and place in fields:
            pid = int(fields[4])
            if b"kimi_swarm.supervisor" in _words(pid):
                return _victim(pid)
    return None


def find_zygote(home: Path, store: Connection, dice: random.Random) -> Victim | None:
    """Return the child of the supervisor from which it has shims forked."""
    supervisor = find_supervisor(home, store, dice)
    if supervisor is not None:
        for pid in _children(supervisor.who.pid):
            if b"kimi_swarm.process.zygote" in _words(pid):
                return _victim(pid)
    return None


def find_shim(home: Path, store: Connection, dice: random.Random) -> Victim | None:
    """Return the shim of any session that runs."""
    shims = _shims(home, store)
    return dice.choice(shims) if shims else None


def find_worker(home: Path, store: Connection, dice: random.Random) -> Victim | None:
    """Return the worker below any live shim."""
    shim = find_shim(home, store, dice)
    return None if shim is None else _worker_of(shim)


FINDERS: dict[str, Callable[[Path, Connection, random.Random], Victim | None]] = {
    "supervisor": find_supervisor,
    "zygote": find_zygote,
    "shim": find_shim,
    "worker": find_worker,
}


def find_victims(
    kind: str, home: Path, store: Connection, dice: random.Random
) -> list[tuple[str, Victim]]:
    """Return one process of a kind, if there is one, each with the name of its kind.

    `everything` is all of them, as when the machine stops; without a supervisor none.
    """
    if kind != "everything":
        one = FINDERS[kind](home, store, dice)
        return [] if one is None else [(kind, one)]
    supervisor = find_supervisor(home, store, dice)
    if supervisor is None:
        return []
    zygote, shims = find_zygote(home, store, dice), _shims(home, store)
    keepers = [("supervisor", supervisor), ("zygote", zygote)]
    below = [("worker", _worker_of(shim)) for shim in shims]
    named = [*keepers, *(("shim", shim) for shim in shims), *below]
    return [(name, one) for name, one in named if one is not None]


def _shims(home: Path, store: Connection) -> list[Victim]:
    found = []
    for row in live_sessions(store):
        ident = parse_session(row.id)
        folder = session_folder(str(home), ident.run, ident.slug)
        who = read_shim(LaunchFiles(f"{folder}/work"))
        if who is not None and identity(who.pid) == who:
            found.append(Victim(who, row.id))
    return found


def _worker_of(shim: Victim) -> Victim | None:
    mark = f"KIMI_SWARM_SESSION={shim.session}\0".encode()
    for pid in _children(shim.who.pid):
        if mark in _read(pid, "environ") and (found := _victim(pid)) is not None:
            return Victim(found.who, shim.session)
    return None


def end_by_force(victim: Victim) -> bool:
    """Send SIGKILL to exactly this process; False when it was gone by then."""
    try:
        handle = os.pidfd_open(victim.who.pid)
    except ProcessLookupError:
        return False
    try:
        if identity(victim.who.pid) != victim.who:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _victim(pid: int) -> Victim | None:
    who = identity(pid)
    return None if who is None else Victim(who, None)


def _children(pid: int) -> list[int]:
    """Return a process's children, of all its threads."""
    try:
        found = [
            one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/children")
        ]
    except OSError:  # it has ended meanwhile
        return []
    return [int(child) for text in found for child in text.split()]


def _words(pid: int) -> bytes:
    return _read(pid, "cmdline")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""
