"""Raw output to lines of text, piece by piece and in bounded memory."""

from __future__ import annotations

MAX_LINE_BYTES = 1 << 20
CUT_MARK = " … [line cut at 1 MiB]"


class LineReader:
    """Turn bytes into lines of text, however the bytes were cut.

    A line ends at LF or CRLF and is given without either. Invalid UTF-8 becomes U+FFFD,
    NUL is dropped. Of a line over 1 MiB the start is given, with a mark; the rest of it
    is read past.
    """

    def __init__(self) -> None:
        self._torn = bytearray()
        self._is_skipping = False

    def feed(self, chunk: bytes) -> list[str]:
        """Take the next bytes; return the lines they complete."""
        *whole, rest = chunk.split(b"\n")
        lines: list[str] = []
        for piece in whole:
            self._take(piece, lines)
            if not self._is_skipping:
                lines.append(decoded(self._torn))
            self._torn.clear()
            self._is_skipping = False
        self._take(rest, lines)
        return lines

    def end(self) -> list[str]:
        """Return the last line if no newline ended it; the reader can be used anew."""
        lines = [decoded(self._torn)] if self._torn else []
        self._torn.clear()
        self._is_skipping = False
        return lines

    def _take(self, piece: bytes, lines: list[str]) -> None:
        if self._is_skipping:
            return
        room = MAX_LINE_BYTES - len(self._torn)
        self._torn += piece[:room]
        if len(piece) > room:
            lines.append(decoded(self._torn) + CUT_MARK)
            self._torn.clear()
            self._is_skipping = True


def decoded(line: bytes | bytearray) -> str:
    """Return one line of bytes, without its newline, as text."""
    return line.removesuffix(b"\r").decode("utf-8", "replace").replace("\0", "")
