"""The files of one launch: what shim and supervisor tell each other.

    lock       held as long as the shim lives, from before it exists
    alive      FIFO whose writing end the shim has: end of file means it is gone
    shim.json  who the shim is, written before the worker starts; then who that is
    out.log    what the worker wrote (err.log beside it where kept apart)
    exit.json  how it ended; written once, by rename, by the shim
    input      FIFO of a worker at a terminal: what is written there is typed
    asking.json  what such a worker waits to be answered; gone once it was
    held       touched again and again while a gateway holds a request of the worker

Light: shims import it.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.platform import ProcessIdentity

ROOM_STEP_S = 0.5
ROOM_LIMIT_S = 86_400.0


class LaunchFiles(NamedTuple):
    """The folder of one launch, and the names in it."""

    folder: str

    @property
    def lock(self) -> str:
        """The file whose lock proves that the shim may live."""
        return self.folder + "/lock"

    @property
    def alive(self) -> str:
        """The FIFO that ends with the shim."""
        return self.folder + "/alive"

    @property
    def shim(self) -> str:
        """The record of who the shim is."""
        return self.folder + "/shim.json"

    @property
    def out(self) -> str:
        """The worker's standard output."""
        return self.folder + "/out.log"

    @property
    def err(self) -> str:
        """The worker's standard error, where it is kept apart."""
        return self.folder + "/err.log"

    @property
    def input(self) -> str:
        """The FIFO whose lines are typed at the worker's terminal."""
        return self.folder + "/input"

    @property
    def asking(self) -> str:
        """The record of what a worker at a terminal waits for."""
        return self.folder + "/asking.json"

    @property
    def held(self) -> str:
        """The file that a gateway touches while it holds a request of the worker."""
        return self.folder + "/held"

    @property
    def exit(self) -> str:
        """The record of how the worker ended."""
        return self.folder + "/exit.json"


class LaunchSpec(NamedTuple):
    """What a shim is to run; handed over in memory, since `env` may hold secrets.

    `stdin` is a file to read from, or None for nothing. The worker is told to end when
    `time_limit_s` has passed, and made to after another `grace_s`; the same when it
    wrote nothing at all for `first_output_s`, or nothing more for `silence_s` (None: no
    limit; waiting for an answer is no silence). With `asks` it gets a terminal instead
    of files, and a last line that matches this pattern means that it waits for an
    answer. A log that outgrows `log_limit_bytes` keeps only its end.
    """

    argv: list[str]
    cwd: str
    env: dict[str, str]
    stdin: str | None
    merge_stderr: bool
    time_limit_s: float
    grace_s: float
    asks: str | None = None
    log_limit_bytes: int = 64 << 20
    first_output_s: float | None = None
    silence_s: float | None = None


class ExitRecord(NamedTuple):
    """How a launch ended.

    `cause` is exited, stopped (asked to), deadline, no_first_output, silent, or
    not_started; `exit_code` is negative for a signal and None for not_started; `swept`
    counts processes that the worker left behind and the shim ended.
    """

    cause: str
    exit_code: int | None
    started_at: float
    ended_at: float
    cpu_s: float = 0.0
    max_rss_bytes: int = 0
    swept: int = 0
    error: str | None = None


def write_atomically(path: str, data: Mapping[str, Any], *, before: str = "") -> None:
    """Write JSON so that a reader sees all of it or nothing.

    `before` names the crash point right before that moment, if there is one.
    """
    aside = path + ".new"
    with open(aside, "w", encoding="utf-8") as file:  # noqa: PTH123 light
        json.dump(data, file)
        file.flush()
    reach(before)
    os.replace(aside, path)  # noqa: PTH105 light


def write_when_there_is_room(
    path: str, data: Mapping[str, Any], *, before: str = ""
) -> None:
    """Write as `write_atomically` does; a disk that takes nothing is waited for, a day.

    For what nobody else could write. Everything else that is wrong raises OSError.
    """
    until = time.monotonic() + ROOM_LIMIT_S
    while True:
        try:
            return write_atomically(path, data, before=before)
        except OSError as error:
            takes_nothing = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
            if not takes_nothing or time.monotonic() > until:
                raise
            time.sleep(ROOM_STEP_S)


def remove_half_written(files: LaunchFiles) -> None:
    """Remove what a shim that is dead was about to make a record of."""
    for path in (files.shim, files.exit, files.asking):
        with suppress(FileNotFoundError):
            os.unlink(path + ".new")  # noqa: PTH108 light


def read_exit(files: LaunchFiles) -> ExitRecord | None:
    """Return the exit record, or None when none was written."""
    data = _read(files.exit)
    return None if data is None else ExitRecord(**data)


def read_question(files: LaunchFiles) -> str | None:
    """Return what a worker at a terminal waits to be answered, None if nothing."""
    data = _read(files.asking)
    return None if data is None else str(data["question"])


def read_worker(files: LaunchFiles) -> ProcessIdentity | None:
    """Return who the worker of a launch is or was, None when it never started."""
    worker = (_read(files.shim) or {}).get("worker")
    return None if worker is None else ProcessIdentity(*worker)


def read_shim(files: LaunchFiles) -> ProcessIdentity | None:
    """Return who the shim of a launch is or was, or None when none ever ran."""
    data = _read(files.shim)
    return None if data is None else ProcessIdentity(data["pid"], data["born"])


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 light
            data: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return None
    return data
