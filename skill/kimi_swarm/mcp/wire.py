"""Standard input and output as the protocol's own: its lines, and nothing else."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import anyio

from kimi_swarm.actions.told import note_told
from kimi_swarm.errors import SwarmError
from kimi_swarm.store.inbox import Mark

CHUNK_BYTES = 65_536


class Deliveries:
    """News on its way to a client: it counts as told once it was handed over."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._marks: dict[Any, Sequence[Mark]] = {}

    def expect(self, request: int | str | None, marks: Sequence[Mark]) -> None:
        """Remember what the answer to a request is going to tell."""
        if marks:
            self._marks[request] = marks

    def handed_over(self, line: str) -> None:
        """Count what a line told as told. Whoever dies before is told it again."""
        if not self._marks:
            return
        message = json.loads(line)
        if "method" in message:
            return  # our own request: its numbers are counted apart from the client's
        marks = self._marks.pop(message.get("id"), ())
        with suppress(SwarmError):  # then it is told again
            note_told(self._home, marks)


class Wire(io.TextIOWrapper):
    """Lines of the protocol; each is known to be handed over once it is flushed."""

    _written = ""

    def __init__(self, descriptor: int, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        raw = os.fdopen(descriptor, "wb")
        super().__init__(raw, encoding="utf-8", newline="\n")

    def write(self, text: str) -> int:
        """Take a line."""
        self._written = text
        return super().write(text)

    def flush(self) -> None:
        """Hand the line over. Raises BrokenPipeError where nobody reads."""
        super().flush()
        line, self._written = self._written, ""
        if line:
            self._deliveries.handed_over(line)


class Incoming:
    """Lines as they come in; unlike a thread, who waits for one can be cancelled."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def __aiter__(self) -> AsyncIterator[str]:
        """Give each line; ends when the client has closed its side."""
        rest = b""
        while chunk := await self._chunk():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")

    async def _chunk(self) -> bytes:
        with suppress(PermissionError):  # a file, which can always be read
            await anyio.wait_readable(self._descriptor)
        return os.read(self._descriptor, CHUNK_BYTES)


def take_streams(deliveries: Deliveries) -> tuple[Incoming, anyio.AsyncFile[str]]:
    """Return standard input and output, and leave others in their place.

    From now on what else is printed goes to standard error, and what else reads,
    children too, finds an end at once.
    """
    sys.stdout.flush()
    incoming, wire = Incoming(os.dup(0)), Wire(os.dup(1), deliveries)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, anyio.wrap_file(wire)
