"""The seam to the operating system: what differs between Linux and macOS.

Light: shims and hot verbs import it.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from kimi_swarm.errors import SwarmError


class UnsupportedPlatformError(SwarmError):
    """Raised where workers cannot be supervised yet."""

    code = "unsupported_platform"

    def __init__(self) -> None:
        super().__init__(
            f"kimi-swarm does not run on {sys.platform} yet.",
            remedy="On Windows, install and use it inside WSL.",
        )


class ProcessIdentity(NamedTuple):
    """A process that cannot be mistaken for a later one that got the same number.

    `born` is the platform's own start time; two equal pairs are one process.
    """

    pid: int
    born: str


def require_supported() -> None:
    """Raise UnsupportedPlatformError unless this is Linux or macOS."""
    if sys.platform not in ("linux", "darwin"):
        raise UnsupportedPlatformError


def become_subreaper() -> bool:
    """Make orphaned descendants ours instead of init's; False where that is unknown.

    prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415 only shims need it; the zygote imports it once

    pr_set_child_subreaper = 36
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)


def identity(pid: int) -> ProcessIdentity | None:
    """Return who a live process is, or None when there is none (zombies are none)."""
    if sys.platform == "linux":
        stat = _linux_stat(pid)
        if stat is None or stat[0] in "ZX":
            return None
        return ProcessIdentity(pid, f"{_boot_id()}:{stat[2]}")
    return _posix_table().get(pid, (None, None))[1]


def descendants(pid: int) -> list[ProcessIdentity]:
    """Return every live process below `pid`, nearest first."""
    table = _linux_table() if sys.platform == "linux" else _posix_table()
    children: dict[int, list[int]] = {}
    for child, (parent, who) in table.items():
        if who is not None:
            children.setdefault(parent or 0, []).append(child)
    found: list[ProcessIdentity] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in children.get(parent, [])]
        found.extend(who for child in level if (who := table[child][1]) is not None)
    return found


def bearers(name: str, value: str) -> list[ProcessIdentity]:
    """Return every live process that was started with a variable of this value.

    Only Linux tells; elsewhere none are found.
    """
    if not can_tell_bearers():
        return []
    mark = b"\0" + os.fsencode(f"{name}={value}") + b"\0"
    found: list[ProcessIdentity] = []
    for pid, (_, who) in _linux_table().items():
        if who is not None and mark in _environ(pid):
            found.append(who)
    return found


def is_inhabited(folder: str) -> bool:
    """Whether any live process works in a folder or below it, where that is told."""
    if not can_tell_bearers():
        return False
    whole = os.path.realpath(folder)
    for pid, (_, who) in _linux_table().items():
        try:
            place = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 light
        except OSError:  # it ended, or is another user's
            continue
        if who is not None and (place == whole or place.startswith(f"{whole}/")):
            return True
    return False


def bearers_below(name: str, prefix: str) -> dict[ProcessIdentity, str]:
    """Return live processes whose variable begins so, each with the whole value.

    Only Linux tells; elsewhere none are found.
    """
    if not can_tell_bearers():
        return {}
    mark = b"\0" + os.fsencode(f"{name}={prefix}")
    found: dict[ProcessIdentity, str] = {}
    for pid, (_, who) in _linux_table().items():
        environ = _environ(pid)
        at = environ.find(mark)
        if who is not None and at >= 0:
            value = environ[at + len(name) + 2 :].partition(b"\0")[0]
            found[who] = os.fsdecode(value)
    return found


def command_lines() -> dict[int, bytes] | None:
    """Return how every process was started, words and variables; None if untold.

    Only Linux tells. What another user started is empty.
    """
    if sys.platform != "linux":
        return None
    return {pid: _words(pid) + _environ(pid) for pid in _linux_table()}


def can_tell_bearers() -> bool:
    """Whether the system tells which processes bear a variable."""
    return sys.platform == "linux"


def ancestors(pid: int) -> list[int]:
    """Return a process and all above it; only itself where nothing tells."""
    table = _linux_table() if sys.platform == "linux" else _posix_table()
    line = [pid]
    while (parent := table.get(line[-1], (None, None))[0]) and parent not in line:
        line.append(parent)
    return line


_Table = dict[int, tuple[int | None, ProcessIdentity | None]]


def _words(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 light
            return file.read()
    except OSError:
        return b""


def _environ(pid: int) -> bytes:
    """Read a process's first environment, each variable between two NUL bytes."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 light
            return b"\0" + file.read()
    except OSError:  # it ended, or is another user's
        return b""


def _linux_table() -> _Table:
    table: _Table = {}
    boot = _boot_id()
    for name in os.listdir("/proc"):  # noqa: PTH208 light
        if name.isdigit() and (stat := _linux_stat(int(name))) is not None:
            state, parent, born = stat
            who = ProcessIdentity(int(name), f"{boot}:{born}")
            table[int(name)] = (parent, None if state in "ZX" else who)
    return table


def _linux_stat(pid: int) -> tuple[str, int, str] | None:
    """Read state, parent and start time (clock ticks since boot): proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 light
            text = file.read()
    except OSError:
        return None
    # The second field is a name in brackets that may hold spaces and brackets.
    fields = text[text.rindex(b")") + 2 :].split()
    return fields[0].decode(), int(fields[1]), fields[19].decode()


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123 light
            return file.read().strip()
    except OSError:
        return ""


def _posix_table() -> _Table:
    """Read the process table from ps(1), for systems without /proc."""
    from subprocess import DEVNULL, run  # noqa: PLC0415 only where there is no /proc

    listing = run(
        ["/bin/ps", "-axo", "pid=,ppid=,stat=,lstart="],
        stdin=DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    table: _Table = {}
    for line in listing.splitlines():
        pid, parent, state, born = line.split(None, 3)
        who = None if state.startswith("Z") else ProcessIdentity(int(pid), born)
        table[int(pid)] = (int(parent), who)
    return table
