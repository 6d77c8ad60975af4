"""What a worker's request asks for, as far as limits and prices need to know. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import unquote

_CHAT = "/chat/completions"
_ASK_FOR_USAGE = b'{"stream_options":{"include_usage":true},'
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
BYTES_PER_TOKEN = 4
UNKNOWN_MODEL = "?"
"""What a generation is kept under that names no model; no price is known of it."""

# Where Azure's and Gemini's own interfaces have it: the body does not say.
_IN_PATH = re.compile(r"/(?:deployments|models)/([^/:]+)(?=[/:])")
_READING = frozenset(("GET", "HEAD", "OPTIONS", "DELETE"))
# All else may cost something: what generates is more than anybody could list.
_HARMLESS = re.compile(
    r"(?:/count_tokens|:countTokens|/(?:de)?tokenize|/estimate-token-count"
    r"|/files|/uploads|/api/(?:show|tags|ps))/?$"
)


class Asked(NamedTuple):
    """A request's model and size.

    `model` is empty where nothing is generated, UNKNOWN_MODEL where nobody says what.
    `input_tokens` is a guess from the size; `max_output_tokens` what it allows itself,
    None if it says nothing. `wants_usage` is whether usage must be asked for on behalf
    of the worker, to be told at the end of a stream.
    """

    model: str = ""
    input_tokens: int = 0
    max_output_tokens: int | None = None
    wants_usage: bool = False

    @property
    def is_generation(self) -> bool:
        """Whether it is one of those that are held, counted and paid for."""
        return bool(self.model)

    @property
    def most_tokens(self) -> int:
        """How many tokens it may use, as far as it says."""
        return self.input_tokens + (self.max_output_tokens or 0)


def read_asked(path: str, body: bytes, *, method: str = "POST") -> Asked:
    """Read what a request asks for."""
    asked = unread_asked(path, method=method, size_bytes=len(body))
    spoken = _object(body)
    if spoken is None or not asked.is_generation:
        return asked
    options = spoken.get("stream_options")
    tells = isinstance(options, dict) and options.get("include_usage") is True
    is_stream = spoken.get("stream") is True
    return asked._replace(
        model=_text(spoken.get("model")) or asked.model,
        max_output_tokens=_limit(spoken),
        wants_usage=is_stream and not tells and _is_chat(path),
    )


def unread_asked(path: str, *, method: str = "POST", size_bytes: int) -> Asked:
    """Return what a request asks for as far as its body need not be read."""
    plain = path.partition("?")[0]
    if method in _READING or _HARMLESS.search(plain):
        return Asked()
    named = _IN_PATH.search(plain)
    model = _text(unquote(named[1])) if named else ""
    return Asked(model or UNKNOWN_MODEL, size_bytes // BYTES_PER_TOKEN)


def asking_for_usage(body: bytes) -> bytes:
    """Return a chat request that asks for its usage as well, all else as it was."""
    spoken = _object(body)
    if spoken is None:
        return body
    if "stream_options" not in spoken and len(spoken):
        return body.replace(b"{", _ASK_FOR_USAGE, 1)
    options = spoken.get("stream_options")
    known = options if isinstance(options, dict) else {}
    return json.dumps(
        {**spoken, "stream_options": {**known, "include_usage": True}},
        separators=(",", ":"),
    ).encode()


class UsageTaker:
    """Takes the one event out of a stream that was asked for on a worker's behalf.

    Whatever else comes is given back unchanged, and at once up to its last whole line.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._drops_blank = False

    def take(self, data: bytes) -> bytes:
        """Return what of the next piece goes to the worker."""
        head, newline, self._pending = (self._pending + data).rpartition(b"\n")
        whole = head + newline
        if b'"usage"' not in whole and not self._drops_blank:
            return whole
        lines = whole.splitlines(keepends=True)
        return b"".join(line for line in lines if not self._is_ours(line))

    def end(self) -> bytes:
        """Return what was held back of a line that never ended."""
        rest, self._pending = self._pending, b""
        return rest

    def _is_ours(self, line: bytes) -> bool:
        if self._drops_blank and not line.strip():
            self._drops_blank = False
            return True
        spoken = _object(line.removeprefix(b"data:")) if b'"usage"' in line else None
        self._drops_blank = (
            spoken is not None and spoken.get("choices") == [] and "usage" in spoken
        )
        return self._drops_blank


def _is_chat(path: str) -> bool:
    return path.partition("?")[0].endswith(_CHAT)


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        spoken = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return spoken if isinstance(spoken, dict) else None


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _limit(spoken: dict[str, Any]) -> int | None:
    config = spoken.get("generationConfig")
    inner = config.get("maxOutputTokens") if isinstance(config, dict) else None
    for value in (*map(spoken.get, _LIMITS), inner):
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
