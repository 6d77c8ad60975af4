"""The one port at which workers find the gateway, the same over all its lives."""

from __future__ import annotations

import os
import socket

from kimi_swarm.location import gateway_port_path

HOST = "127.0.0.1"
BACKLOG = 1024


def listening_socket(home: str) -> socket.socket:
    """Listen on loopback, at the port of before if it is free, else at another one.

    Connections wait in its backlog while no gateway takes them. Raises OSError.
    """
    port = _known_port(home)
    made = _bound(port) if port else None
    if made is None:
        made = _bound(0)
        assert made is not None  # noqa: S101 any port will do
        _keep_port(home, made.getsockname()[1])
    made.listen(BACKLOG)
    return made


def _bound(port: int) -> socket.socket | None:
    made = socket.socket()
    # What the last gateway left in TIME_WAIT does not keep the port from the next.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
    except OSError:
        made.close()
        if port:
            return None
        raise
    return made


def _known_port(home: str) -> int:
    try:
        with open(gateway_port_path(home), encoding="ascii") as file:  # noqa: PTH123 light
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0


def _keep_port(home: str, port: int) -> None:
    path = gateway_port_path(home)
    with open(f"{path}.new", "w", encoding="ascii") as file:  # noqa: PTH123 as above
        file.write(f"{port}\n")
    os.replace(f"{path}.new", path)  # noqa: PTH105 as above
