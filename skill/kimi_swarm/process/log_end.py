"""A log file that is cut down to its end, and how its readers keep their place.

The first line of a file that was cut says how many bytes went. A file beside it says
that this line is ours: nothing that a worker writes can pass for it. Standard library
only and light: shims and hot verbs import it.
"""

from __future__ import annotations

import os
from contextlib import suppress

from kimi_swarm.core.row import Row

KEPT_BYTES = 4 << 20
NOTE_BYTES = 72
_NOTE = b"[kimi-swarm left out "
_PASSES = 4


class Cut(Row):
    """What was cut from a log: how many bytes, and the length of the line saying so."""

    gone_bytes: int = 0
    note_bytes: int = 0


def keep_the_end(path: str, limit_bytes: int) -> None:
    """Cut a log that is too long down to its last part, and say so in its first line.

    Its writer appends, so it goes on after the cut; what it writes within the instant
    of the cut is lost.
    """
    try:
        if os.stat(path).st_size <= limit_bytes:  # noqa: PTH116 strings here
            return
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return
    try:
        _cut(path, descriptor, min(KEPT_BYTES, limit_bytes // 2))
    except OSError:
        return  # no room for a mark, say: the log is cut another time
    finally:
        os.close(descriptor)


def _cut(path: str, descriptor: int, kept_bytes: int) -> None:
    before = cut_of(path)
    os.close(os.open(_mark(path), os.O_WRONLY | os.O_CREAT, 0o600))
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, kept_bytes, size - kept_bytes)
    torn = end.find(b"\n") + 1
    gone = before.gone_bytes + size - kept_bytes + torn - before.note_bytes
    # The end is moved to the front within the file: were the file emptied first, the
    # writer's next words would come before the note.
    place = NOTE_BYTES + os.pwrite(descriptor, end[torn:], NOTE_BYTES)
    for _ in range(_PASSES):
        late = os.pread(descriptor, KEPT_BYTES, size)
        if not late:
            break
        size += len(late)
        place += os.pwrite(descriptor, late, place)
    os.ftruncate(descriptor, place)
    note = _NOTE + b"%d bytes of output here]" % gone
    os.pwrite(descriptor, note.ljust(NOTE_BYTES - 1) + b"\n", 0)


def cut_of(path: str) -> Cut:
    """Return what was cut from a log; nothing where it cannot be read."""
    if not os.path.exists(_mark(path)):  # noqa: PTH110 light
        return Cut()
    with suppress(OSError, ValueError), open(path, "rb") as file:  # noqa: PTH123 light
        note = file.read(NOTE_BYTES)
        if note.startswith(_NOTE) and note.endswith(b"\n"):
            return Cut(int(note[len(_NOTE) :].split(b" ", 1)[0]), NOTE_BYTES)
    return Cut()


def _mark(path: str) -> str:
    return path + ".cut"
