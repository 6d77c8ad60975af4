"""Free TCP ports for workers, no port for two sessions at a time."""

from __future__ import annotations

import socket


class PortPool:
    """Gives out ports of the loopback interface that were free a moment ago."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self, count: int) -> tuple[int, ...]:
        """Return `count` ports that no other session of this pool has."""
        held: list[socket.socket] = []
        ports: list[int] = []
        try:
            while len(ports) < count:
                probe = socket.socket()
                held.append(probe)
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
                if port not in self._taken:
                    ports.append(port)
        finally:
            for probe in held:
                probe.close()
        self._taken.update(ports)
        return tuple(ports)

    def give_back(self, ports: tuple[int, ...]) -> None:
        """Let other sessions have these ports again."""
        self._taken.difference_update(ports)
