"""Secrets taken out of text on its way to a screen, a report or a model.

Known values go wherever they stand; what has the shape of a secret goes by its shape.
Every pattern begins where a run of its own characters begins and is bounded or ends
with that run: time is proportional to length. Light: `re` only where there is a hint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from kimi_swarm.core.row import Row

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    import re

REDACTED = "[redacted]"
SHORTEST_CHARS = 8
_SHORTEST_PART_CHARS = 16
_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL")
_HINTS = (
    *("sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "glpat-"),
    *("akia", "asia", "aiza", "npm_", "eyj", "bearer ", "private key", "://"),
    *("key", "token", "secret", "passw", "passphrase", "credential"),
)


class Secrets(Row):
    """What is known of the secrets that a text may hold.

    `values` are the secrets themselves. Of others only digests are known: `digests`
    holds them by the length of the secret in characters, made with `salt`.
    """

    values: tuple[str, ...] = ()
    salt: bytes = b""
    digests: Mapping[int, frozenset[bytes]] = {}


NOTHING_KNOWN = Secrets()


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that look secret by the names they are kept under.

    Also each line of a value of several lines. Longest first.
    """
    found: set[str] = set()
    for name, value in environ.items():
        upper = name.upper()
        if any(word in upper for word in _SECRET_NAMES):
            whole, *parts = value.strip(), *value.split("\n")
            found.add(whole if len(whole) >= SHORTEST_CHARS else "")
            found |= {
                part.strip()
                for part in parts
                if len(part.strip()) >= _SHORTEST_PART_CHARS
            }
    return tuple(sorted(found - {""}, key=lambda each: (-len(each), each)))


def digest(value: str, salt: bytes) -> bytes:
    """Return what may be kept of a secret where the secret itself may not."""
    from hashlib import blake2b  # noqa: PLC0415 not cheap for a light verb

    raw = value.encode("utf-8", "surrogateescape")
    return blake2b(raw, digest_size=16, salt=salt).digest()


def redacted(text: str, secrets: Secrets = NOTHING_KNOWN) -> str:
    """Return the text with `[redacted]` in place of every secret that is seen in it."""
    for value in secrets.values:
        text = _without_value(text, value)
    if secrets.digests:
        text = _without_digested(text, secrets)
    low = text.lower()
    if any(hint in low for hint in _HINTS):
        from kimi_swarm.core.secret_shape import without_shapes  # noqa: PLC0415 dear

        text = without_shapes(text)
    return text


def redacted_lines(lines: Sequence[str], secrets: Secrets = NOTHING_KNOWN) -> list[str]:
    """Return as many lines, without their secrets; a line that has none is the same."""
    text = "\n".join(lines)
    clean = redacted(text, secrets)
    if clean == text:
        return list(lines)
    new = clean.split("\n")
    return [old if old == line else line for old, line in zip(lines, new, strict=True)]


def redactions(text: str, clean: str) -> int:
    """Return how many secrets were taken out of a text."""
    return max(0, clean.count(REDACTED) - text.count(REDACTED))


def stand_in(secret: str) -> str:
    """Return what stands for a secret: as many lines as it has."""
    return "\n".join([REDACTED] * (1 + secret.count("\n")))


def _without_value(text: str, value: str) -> str:
    """Take out a value, also one whose end was cut off with a mark or by the end."""
    head = value[:SHORTEST_CHARS]
    kept: list[str] = []
    done = 0
    at = text.find(head)
    while at >= 0:
        stop = at + len(head)
        limit = min(len(text), at + len(value))
        while stop < limit and text[stop] == value[stop - at]:
            stop += 1
        is_cut = stop == len(text) or text.startswith(("…", " …"), stop)
        if stop - at == len(value) or is_cut:
            kept += (text[done:at], stand_in(text[at:stop]))
            done = stop
        at = text.find(head, max(stop, at + 1))
    return "".join((*kept, text[done:])) if kept else text


def _without_digested(text: str, secrets: Secrets) -> str:
    """Look at every stretch of a secret's length that begins where a word does."""
    kept: list[str] = []
    done = 0
    for found in _word_starts().finditer(text):
        start = found.start()
        if start < done:
            continue
        for length, digests in secrets.digests.items():
            stretch = text[start : start + length]
            if len(stretch) == length and digest(stretch, secrets.salt) in digests:
                kept += (text[done:start], stand_in(stretch))
                done = start + length
                break
    return "".join((*kept, text[done:]))


@cache
def _word_starts() -> re.Pattern[str]:
    import re  # noqa: PLC0415 costs a third of a bare interpreter start

    return re.compile(r"(?<![^\W_])\S")
