"""Text of unknown origin made safe to print: no terminal can be steered by it."""

from __future__ import annotations

from functools import cache

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    import re


def plain(text: str) -> str:
    """Return the text without terminal escapes, control and direction characters.

    Tabs and newlines stay; CRLF, a lone CR (as progress bars print it) and Unicode's
    own line ends become newlines; lone surrogates become U+FFFD.
    """
    if text.isprintable():
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return _unsafe().sub(_harmless, text)


def clip(text: str, limit: int) -> str:
    """Return the text on one plain line of at most `limit` characters (1 or more)."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def bounded(text: str, limit: int) -> str:
    """Return the plain text, its newlines kept, cut with a mark after `limit`."""
    text = plain(text)
    return text if len(text) <= limit else text[:limit] + " … [cut]"


@cache  # most output needs none of this, and `log` has no time to waste
def _unsafe() -> re.Pattern[str]:
    import re  # noqa: PLC0415 costs a third of a bare interpreter start

    # A sequence that never ends loses only its introducer, so that nothing can hide
    # the rest of a text. Lone surrogates (JSON can spell them) could not be encoded.
    return re.compile(
        r"(?P<surrogate>[\ud800-\udfff])"
        r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])"  # OSC, DCS, SOS, PM, APC: a string …
        r"[^\n\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"  # … to its terminator
        r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
        r"|\x1b(?![\[\]PX^_])[ -/]*[0-~]?"  # ESC and what it introduces
        r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
        r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # writing direction
    )


def _harmless(found: re.Match[str]) -> str:
    return "\N{REPLACEMENT CHARACTER}" if found.lastgroup == "surrogate" else ""
