"""A provider for measuring: streams pieces that say when they were sent.

The path says how: `/v1/PIECES/PAUSE_MS/BYTES`. It prints its port and serves until its
standard input ends.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from time import monotonic

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":9}}\n\n'
GONE = (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead)


async def main() -> None:
    """Serve on loopback, at any free port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", backlog=1024)
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 no database here
    print(port, flush=True)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, answer)
        await anyio.to_thread.run_sync(sys.stdin.read)
        group.cancel_scope.cancel()


async def answer(stream: ByteStream) -> None:
    """Answer one connection until it ends."""
    buffered = BufferedByteReceiveStream(stream)
    async with stream:
        with suppress(*GONE):
            while True:
                await _answer_once(stream, buffered)


async def _answer_once(stream: ByteStream, buffered: BufferedByteReceiveStream) -> None:
    head = await buffered.receive_until(b"\r\n\r\n", 65_536)
    line, *fields = head.decode().split("\r\n")
    told = dict(field.lower().split(": ", 1) for field in fields)
    await buffered.receive_exactly(int(told.get("content-length", 0)) or 1)
    pieces, pause_ms, size = map(int, line.split()[1].split("/")[2:5])
    await stream.send(HEAD)
    for _ in range(pieces):
        piece = f"data: @{monotonic():.6f}@ ".encode().ljust(size, b"x") + b"\n\n"
        await stream.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        if pause_ms:
            await anyio.sleep(pause_ms / 1000)
    await stream.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(USAGE), USAGE))


if __name__ == "__main__":
    anyio.run(main)
