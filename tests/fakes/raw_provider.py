"""A provider that says exactly the bytes it is told, and keeps what it heard."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Self

LIMIT_S = 30.0

Say = Callable[[bytes], None]
Answer = Callable[["Heard", Say], None]


class Heard(NamedTuple):
    """One request as it came over the wire."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        """The request line."""
        return self.head.partition(b"\r\n")[0].decode()

    def header(self, name: str) -> str | None:
        """Return a header's value, None if it was not sent."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.decode().partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


class RawProvider:
    """Listens on loopback; each connection is answered by `answer`, then closed.

    Leaving raises what went wrong inside.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[Heard] = []
        self.hung_up = threading.Event()
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept)

    @property
    def origin(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def url(self) -> str:
        """The base URL of its models, as workers are told it."""
        return f"{self.origin}/v1"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join(LIMIT_S)
        if self._failures:
            message = "the provider itself failed"
            raise RuntimeError(message) from self._failures[0]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT_S)
        try:
            with connection:
                heard = _hear(connection)
                if heard is None:
                    return
                self.heard.append(heard)
                self.answer(heard, connection.sendall)
        except ConnectionError:
            self.hung_up.set()
        except BaseException as failure:  # noqa: BLE001 told by whoever leaves
            self._failures.append(failure)


def _hear(connection: socket.socket) -> Heard | None:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65_536)
        if not piece:
            return None
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(Heard(head, b"").header("content-length") or 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return Heard(head, body)


def whole(status: str, body: bytes, *headers: str) -> bytes:
    """Return an answer that says how long it is and closes after it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    head = "\r\n".join((*lines, "Connection: close", "", ""))
    return head.encode() + body


def chunk(data: bytes) -> bytes:
    """Return one piece of a chunked body; an empty one ends it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
