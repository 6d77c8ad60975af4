"""A provider's key taken out of what the provider itself answers. Pure.

Some providers, and proxies before them, say back which key they were given. What stands
in its place is as long: so the length that an answer tells stays true.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from kimi_swarm.core.redact import SHORTEST_CHARS


class KeyMask:
    """Puts the worker's own token where the key stands, in one answer.

    A key that is no secret (`ollama`, `none`) is a word like any other and stays.
    """

    def __init__(self, key: str | None, token: str) -> None:
        forms = _forms(key) if key and len(key) >= SHORTEST_CHARS else []
        self._texts = [(form, _stand_in(token, len(form))) for form in forms]
        self._forms = [(_raw(form), _raw(other)) for form, other in self._texts]
        self._pending = b""

    def text(self, text: str) -> str:
        """Return a text without the key."""
        for form, stand_in in self._texts:
            text = text.replace(form, stand_in)
        return text

    def take(self, piece: bytes) -> bytes:
        """Return what of the next piece goes on: all but what may begin a key."""
        whole = self._pending + piece
        for form, stand_in in self._forms:
            whole = whole.replace(form, stand_in)
        cut = len(whole) - max(
            (_begun(whole, form) for form, _ in self._forms), default=0
        )
        self._pending = whole[cut:]
        return whole[:cut]

    def end(self) -> bytes:
        """Return what was held back of a key that did not go on."""
        rest, self._pending = self._pending, b""
        return rest


def _forms(key: str) -> list[str]:
    """Return a key as it may be written: plain, in JSON, in a URL; longest first."""
    in_json = json.dumps(key)[1:-1]
    forms = {key, in_json, in_json.replace("/", "\\/")}
    for percent in (quote(key), quote(key, safe="")):
        lower = re.sub("%..", lambda found: found[0].lower(), percent)
        forms |= {percent, lower}
    return sorted(forms, key=len, reverse=True)


def _stand_in(token: str, length: int) -> str:
    return token[:length].ljust(length, "*")


def _raw(text: str) -> bytes:
    """Return a text as it goes over the wire."""
    return text.encode("utf-8", "surrogateescape")


def _begun(whole: bytes, form: bytes) -> int:
    """Return how many bytes at the end may be the beginning of a key."""
    at = whole.find(form[:1], max(0, len(whole) - len(form) + 1))
    while at >= 0 and not form.startswith(whole[at:]):
        at = whole.find(form[:1], at + 1)
    return 0 if at < 0 else len(whole) - at
