"""The zygote: a small interpreter, started once, from which every shim is forked.

Starting an interpreter for each worker costs several times what the fork costs. It has
one thread, so forking is safe, and it knows nothing of runs: it reads launches from a
socket and answers each with the shim's pid. It ends when the socket does.

    request   4 bytes length, then JSON {"folder": …, "spec": […]}; with its first byte
              two descriptors: the launch's lock, the FIFO's writing end
    answer    4 bytes: the shim's pid
"""

from __future__ import annotations

import ctypes  # noqa: F401 shims need it, and importing it after each fork is slow
import gc
import json
import os
import signal
import socket
import sys
from contextlib import suppress

from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.records import LaunchFiles, LaunchSpec
from kimi_swarm.process.shim import run_shim


def main(descriptor: int) -> None:
    """Serve launches from a socket until its other end closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # A stop can reach a shim before its handler stands: it waits, blocked, till then.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    gc.freeze()
    # A supervisor that was killed hears no answer, and has left no request behind it.
    with socket.socket(fileno=descriptor) as supervisor, suppress(ConnectionError):
        while (request := _receive(supervisor)) is not None:
            _fork_shim(supervisor, *request)


def _fork_shim(supervisor: socket.socket, body: bytes, descriptors: list[int]) -> None:
    reach("zygote.before_fork")
    pid = os.fork()
    if pid == 0:
        supervisor.close()
        _be_shim(body, descriptors[1])
    reach("zygote.after_fork")
    for each in descriptors:
        os.close(each)
    supervisor.sendall(pid.to_bytes(4, "big"))


def _be_shim(body: bytes, alive: int) -> None:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request = json.loads(body)
        files, spec = LaunchFiles(request["folder"]), LaunchSpec(*request["spec"])
        run_shim(files, spec, alive)
        status = 0
    finally:
        # Never return into the zygote's loop, whatever happened.
        os._exit(status)


def _receive(supervisor: socket.socket) -> tuple[bytes, list[int]] | None:
    header, descriptors, _, _ = socket.recv_fds(supervisor, 4, 2)
    if not header:
        return None
    header += _exactly(supervisor, 4 - len(header))
    return _exactly(supervisor, int.from_bytes(header, "big")), list(descriptors)


def _exactly(supervisor: socket.socket, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = supervisor.recv(length)
        if not part:
            sys.exit(0)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main(int(sys.argv[1]))
