"""What a worker's request asks for, as far as limits and prices need to know. Pure."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

_CHAT = "/chat/completions"
_ASK_FOR_USAGE = b'{"stream_options":{"include_usage":true},'
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
BYTES_PER_TOKEN = 4


class Asked(NamedTuple):
    """A request's model and size.

    `input_tokens` is a guess from the size; `max_output_tokens` what it allows itself,
    None if it says nothing. `wants_usage` is whether usage must be asked for on behalf
    of the worker, to be told at the end of a stream.
    """

    model: str = ""
    is_stream: bool = False
    input_tokens: int = 0
    max_output_tokens: int | None = None
    wants_usage: bool = False
    is_generation: bool = False

    @property
    def most_tokens(self) -> int:
        """How many tokens it may use, as far as it says."""
        return self.input_tokens + (self.max_output_tokens or 0)


def read_asked(path: str, body: bytes) -> Asked:
    """Read what a request asks for; what is no JSON object asks for nothing known."""
    spoken = _object(body)
    if spoken is None:
        return Asked()
    options = spoken.get("stream_options")
    is_stream = spoken.get("stream") is True
    tells = isinstance(options, dict) and options.get("include_usage") is True
    return Asked(
        model=_text(spoken.get("model")),
        is_stream=is_stream,
        input_tokens=len(body) // BYTES_PER_TOKEN,
        max_output_tokens=_limit(spoken),
        wants_usage=is_stream and not tells and _is_chat(path),
        is_generation="model" in spoken,
    )


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
    for name in _LIMITS:
        value = spoken.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
