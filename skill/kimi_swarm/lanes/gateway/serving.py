"""An answer as it comes from its provider: its pieces read along, the key masked."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp

from kimi_swarm.lanes.gateway.headers import Pairs
from kimi_swarm.lanes.gateway.masking import KeyMask
from kimi_swarm.lanes.gateway.upstream import NOT_REACHED

ERROR_LIMIT_BYTES = 65_536
FAILED = 400
"""From this status on an answer is read before it is decided on."""


class Piece(NamedTuple):
    """What came at once: its size on the wire, what it says, what goes on."""

    size_bytes: int
    plain: bytes
    out: bytes


class Serving:
    """One answer, its body read once.

    An error that came packed although that was not asked for goes on unpacked, since
    errors are what says a key back; what cannot be unpacked of it does not go on.
    Other packed answers pass as they are, read along but not masked.
    """

    def __init__(self, answer: aiohttp.ClientResponse, mask: KeyMask) -> None:
        self._answer = answer
        self._mask = mask
        self._unpack = _unpacker(answer.headers.get("Content-Encoding", ""))
        self._begun: list[Piece] = []
        self.status = answer.status
        self.reason = mask.text(answer.reason or "")
        self.kind = answer.headers.get("Content-Type", "")
        self.is_unpacked = self._unpack is not None and self.status >= FAILED
        self.is_cut = False
        """Whether it broke off."""

    @property
    def headers(self) -> Pairs:
        """Its headers, without the key and what is not true of the body any more."""
        return [
            (name, self._mask.text(value))
            for name, value in self._answer.headers.items()
            if not (self.is_unpacked and name.lower() == "content-encoding")
        ]

    async def begin(self) -> str:
        """Read the beginning of an error; short as they are, mostly all of it."""
        size_bytes = 0
        async for piece in self._read():
            self._begun.append(piece)
            size_bytes += piece.size_bytes
            if size_bytes >= ERROR_LIMIT_BYTES:
                break
        return b"".join(piece.out for piece in self._begun).decode(errors="replace")

    async def __aiter__(self) -> AsyncIterator[Piece]:
        """Give every piece as it comes, those of the beginning first."""
        for piece in self._begun:
            yield piece
        async for piece in self._read():
            yield piece

    async def _read(self) -> AsyncIterator[Piece]:
        try:
            while data := await self._answer.content.readany():
                yield self._piece(data)
        except NOT_REACHED:
            self.is_cut = True
        if rest := self._mask.end():
            yield Piece(0, b"", rest)

    def _piece(self, data: bytes) -> Piece:
        plain = data if self._unpack is None else self._unpack(data)
        is_packed = self._unpack is not None and not self.is_unpacked
        return Piece(len(data), plain, data if is_packed else self._mask.take(plain))


class _Unpacker:
    """Unpacks what came packed although that was not asked for, for reading along."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=47)  # gzip and zlib, told by the head
        self._is_broken = False

    def __call__(self, piece: bytes) -> bytes:
        if self._is_broken:
            return b""
        try:
            return self._inner.decompress(piece)
        except zlib.error:
            self._is_broken = True
            return b""


def _unpacker(encoding: str) -> _Unpacker | None:
    return None if encoding.lower() in ("", "identity") else _Unpacker()
