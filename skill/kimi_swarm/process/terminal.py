"""A terminal for workers that demand one: its screen is the log, its keys are a FIFO.

Lives in the shim. Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
from collections.abc import Callable
from contextlib import suppress

from kimi_swarm.process.records import LaunchFiles, LaunchSpec, write_atomically

ROWS, COLUMNS = 40, 200
QUIET_S = 0.5
CHUNK_BYTES = 65_536
TAIL_BYTES = 4_096
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")


class Terminal:
    """One worker's terminal: copies its output, types its input, sees it wait.

    `tell` is called whenever what the worker waits for has changed; `is_asking` says
    whether it waits for an answer.
    """

    def __init__(self, files: LaunchFiles, asks: str, tell: Callable[[], None]) -> None:
        self._files = files
        self._asks = re.compile(asks.encode())
        self._tell = tell
        self._tail = b""
        self.is_asking = False
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._log = os.open(files.out, append, 0o600)
        with suppress(FileExistsError):
            os.mkfifo(files.input, 0o600)
        # Both ends: the FIFO must not end when one writer has left.
        self._keys = os.open(files.input, os.O_RDWR | os.O_NONBLOCK)
        self._master, self._slave = os.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)

    def start(self, spec: LaunchSpec) -> subprocess.Popen[bytes]:
        """Start the worker with this terminal as its own. Raises OSError."""
        try:
            return subprocess.Popen(
                spec.argv,
                cwd=spec.cwd,
                env={"TERM": "dumb", **spec.env},
                stdin=self._slave,
                stdout=self._slave,
                stderr=self._slave,
                start_new_session=True,
                preexec_fn=self._take_control,  # noqa: PLW1509 the shim has one thread
            )
        finally:
            os.close(self._slave)

    def _take_control(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def serve(self, wake: int, limit_s: float) -> None:
        """Copy both ways until `wake` is readable, or for one step at most."""
        ready, _, _ = select.select(
            [wake, self._master, self._keys], [], [], min(limit_s, QUIET_S)
        )
        if self._master in ready:
            self._copy_output()
        if self._keys in ready:
            self._type()
        if not ready:
            self._look_for_question()

    def close(self) -> None:
        """Copy what is left and let go of everything."""
        while select.select([self._master], [], [], 0)[0] and self._copy_output():
            pass
        for descriptor in (self._log, self._keys, self._master):
            os.close(descriptor)
        self._answered()

    def _copy_output(self) -> bool:
        try:
            chunk = os.read(self._master, CHUNK_BYTES)
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        os.write(self._log, chunk.replace(b"\r\n", b"\n"))
        self._tail = (self._tail + chunk)[-TAIL_BYTES:]
        return bool(chunk)

    def _type(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._master, os.read(self._keys, CHUNK_BYTES))
            self._tail = b""
            self._answered()

    def _look_for_question(self) -> None:
        last = _ESCAPES.sub(b"", self._tail).replace(b"\r", b"\n").rpartition(b"\n")[2]
        if not self.is_asking and last.strip() and self._asks.search(last):
            question = last.decode(errors="replace").strip()
            with suppress(OSError):  # a full disk: then nobody is told, and it waits
                write_atomically(self._files.asking, {"question": question})
            self.is_asking = True
            self._tell()

    def _answered(self) -> None:
        if self.is_asking:
            self.is_asking = False
            with suppress(FileNotFoundError):
                os.unlink(self._files.asking)  # noqa: PTH108 strings here
            self._tell()


def type_answer(files: LaunchFiles, text: str) -> bool:
    """Type a line at a worker's terminal; False when nobody reads there."""
    try:
        descriptor = os.open(files.input, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(descriptor, text.encode() + b"\n")
    finally:
        os.close(descriptor)
    return True
