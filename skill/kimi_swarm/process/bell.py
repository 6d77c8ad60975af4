"""Talking to the supervisor from short processes: ring its bell, watch for changes.

Light: hot verbs import it. One connection, one JSON line:

    {"do": "wake", "run": …, "env": {…}}   answered by `ok` when it was taken in
    {"do": "watch"}                        answered by a newline at every change
"""

from __future__ import annotations

import json
import os
import socket

from kimi_swarm.location import socket_path

ANSWER_LIMIT_S = 10.0


def ring(
    home: str, *, run: str | None = None, env: dict[str, str] | None = None
) -> bool:
    """Tell the supervisor that there is something new; False when none is there.

    `env` holds the values a run's workers get from the caller's environment: they are
    handed over in memory and never written down.
    """
    bell = _connect(home)
    if bell is None:
        return False
    with bell:
        try:
            request = {"do": "wake", "run": run, "env": env or {}}
            bell.sendall(json.dumps(request).encode() + b"\n")
            return bell.recv(2) != b""
        except OSError:
            return False


def watch(home: str) -> socket.socket | None:
    """Open a connection on which every change is announced; None without supervisor."""
    bell = _connect(home)
    if bell is None:
        return None
    try:
        bell.sendall(b'{"do": "watch"}\n')
    except OSError:  # it was just leaving
        bell.close()
        return None
    return bell


def _connect(home: str) -> socket.socket | None:
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bell.settimeout(ANSWER_LIMIT_S)
    path = socket_path(home)
    try:
        # The folder may be one in a place where everybody can make folders.
        _require_ours(os.path.dirname(path))  # noqa: PTH120 light
        bell.connect(path)
    except OSError:
        bell.close()
        return None
    return bell


def prepare_socket_folder(home: str) -> str:
    """Make sure that the socket's folder is there and ours; return the socket path."""
    path = socket_path(home)
    prepare_folder_of(path)
    return path


def prepare_folder_of(path: str) -> None:
    """Make sure that the folder of a socket is there and ours."""
    folder = os.path.dirname(path)  # noqa: PTH120 light
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 light
    _require_ours(folder)


def _require_ours(folder: str) -> None:
    if os.stat(folder).st_uid != os.getuid():  # noqa: PTH116 light
        raise PermissionError(13, "belongs to another user", folder)
