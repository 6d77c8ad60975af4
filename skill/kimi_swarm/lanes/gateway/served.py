"""What an answer of a provider cost in tokens, read while it passes. Pure.

Five shapes: OpenAI's chat completions (with what others put elsewhere), OpenAI's
responses, Anthropic's messages, Gemini's and Ollama's own; whole, or as events of a
stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kimi_swarm.lanes.gateway.answer_text import AnswerText

LINE_LIMIT_BYTES = 4 << 20
"""Longer lines are let pass unread."""
WHOLE_LIMIT_BYTES = 32 << 20
_MARKS = (b"usage", b"eval_count")


class Served(NamedTuple):
    """Tokens of one answer; None where the provider did not tell.

    `input_tokens` holds the cached ones too, `output_tokens` those of reasoning. Where
    these are not told, they are estimated by what came.
    """

    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    estimated_output_tokens: int = 0

    @property
    def is_told(self) -> bool:
        """Whether the provider told at least what went in and what came out."""
        return self.input_tokens is not None and self.output_tokens is not None


class UsageReader:
    """Reads the usage out of an answer that is given to it piece by piece."""

    def __init__(self, content_type: str) -> None:
        kind = content_type.partition(";")[0].strip().lower()
        self._is_lines = kind in {"text/event-stream", "application/x-ndjson"}
        self._pending = bytearray()
        self._is_too_long = False
        self._fields: dict[str, Any] = {}
        self._reader = _chat
        self._is_final = False
        self._text = AnswerText()

    def feed(self, data: bytes) -> None:
        """Take in the next piece of the answer's body."""
        if self._is_lines:
            self._feed_lines(data)
        elif not self._is_too_long:
            self._pending += data
            self._is_too_long = len(self._pending) > WHOLE_LIMIT_BYTES

    def end(self, *, is_whole: bool = True) -> Served:
        """Return what the answer told; what it left open stays None.

        Of one that broke off (not `is_whole`) what came out is known only if that was
        told as the last word on it: some tell it along the way, as far as they are.
        """
        if not self._is_too_long:
            self._read(bytes(self._pending))
        self._text.add(bytes(self._pending))
        self._pending.clear()
        served = self._reader(self._fields) if self._fields else Served()
        so_far = served.output_tokens
        if so_far is not None and (is_whole or self._is_final):
            return served
        estimate = max(so_far or 0, self._text.tokens)
        return served._replace(output_tokens=None, estimated_output_tokens=estimate)

    def _feed_lines(self, data: bytes) -> None:
        head, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._keep(data)
            return
        if self._is_too_long:
            head = head.partition(b"\n")[2]
        whole = bytes(self._pending) + head
        self._pending.clear()
        self._is_too_long = False
        self._text.add(whole)
        if any(mark in whole for mark in _MARKS):
            for line in whole.split(b"\n"):
                self._read(line)
        self._keep(rest)

    def _keep(self, rest: bytes) -> None:
        if not self._is_too_long:
            self._pending += rest
        if len(self._pending) > LINE_LIMIT_BYTES:
            self._text.add(bytes(self._pending))
            self._pending.clear()
            self._is_too_long = True

    def _read(self, text: bytes) -> None:
        if not any(mark in text for mark in _MARKS):
            return
        try:
            spoken = json.loads(text.removeprefix(b"data:"))
        except (ValueError, RecursionError):
            return
        # Gemini streams one list where it is not asked for events.
        for one in spoken if isinstance(spoken, list) else [spoken]:
            if isinstance(one, dict):
                self._learn(one)

    def _learn(self, spoken: Mapping[str, Any]) -> None:
        for reader, fields in _usages(spoken):
            self._reader = reader
            self._is_final = _is_last_word(spoken)
            self._fields.update((k, v) for k, v in fields.items() if v is not None)


def _usages(spoken: Mapping[str, Any]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Find where an object tells its usage, and who reads it."""
    match spoken:
        case {"response": {"usage": dict(usage)}}:
            yield _responses, usage
        case {"object": "response", "usage": dict(usage)}:
            yield _responses, usage
        case {"message": {"usage": dict(usage)}}:
            # It begins: what it says of the output is no count of what is to come.
            yield _messages, {**usage, "output_tokens": None}
        case {"type": "message" | "message_delta", "usage": dict(usage)}:
            yield _messages, usage
        case {"usage": dict(usage)}:
            yield _chat, usage
        case {"usageMetadata": dict(usage)}:
            yield _gemini, usage
        case {"prompt_eval_count": int()}:
            yield _ollama, spoken
        case {"choices": [{"usage": dict(usage)}, *_]}:
            yield _chat, usage
        case _:
            pass


def _is_last_word(spoken: Mapping[str, Any]) -> bool:
    """Whether what is told in a stream is told at its end."""
    match spoken:
        case {"message": _}:
            return False
        case {"choices": [dict(choice), *_]}:
            return bool(choice.get("finish_reason"))
        case {"candidates": [dict(candidate), *_]}:
            return bool(candidate.get("finishReason"))
        case _:
            return True


def _chat(usage: Mapping[str, Any]) -> Served:
    cached = _count(_in(usage, "prompt_tokens_details", "cached_tokens"))
    if cached is None:
        cached = _count(usage.get("cached_tokens"))
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))
    reasoning = _in(usage, "completion_tokens_details", "reasoning_tokens")
    return Served(
        _count(usage.get("prompt_tokens")),
        cached,
        _count(usage.get("completion_tokens")),
        _count(reasoning),
    )


def _responses(usage: Mapping[str, Any]) -> Served:
    return Served(
        _count(usage.get("input_tokens")),
        _count(_in(usage, "input_tokens_details", "cached_tokens")),
        _count(usage.get("output_tokens")),
        _count(_in(usage, "output_tokens_details", "reasoning_tokens")),
    )


def _messages(usage: Mapping[str, Any]) -> Served:
    """Read Anthropic's counts: what is cached stands beside the input, not in it."""
    fresh = _count(usage.get("input_tokens"))
    read = _count(usage.get("cache_read_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    whole = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Served(whole, read, _count(usage.get("output_tokens")))


def _gemini(usage: Mapping[str, Any]) -> Served:
    """Read Gemini's counts: thoughts stand beside the answer, not in it."""
    return Served(
        _sum(usage, "promptTokenCount", "toolUsePromptTokenCount"),
        _count(usage.get("cachedContentTokenCount")),
        _sum(usage, "candidatesTokenCount", "thoughtsTokenCount"),
        _count(usage.get("thoughtsTokenCount")),
    )


def _ollama(spoken: Mapping[str, Any]) -> Served:
    went_in, came_out = spoken.get("prompt_eval_count"), spoken.get("eval_count")
    return Served(_count(went_in), None, _count(came_out))


def _in(usage: Mapping[str, Any], name: str, field: str) -> object:
    details = usage.get(name)
    return details.get(field) if isinstance(details, dict) else None


def _sum(usage: Mapping[str, Any], *names: str) -> int | None:
    """Add up counts; what is zero may be left out, but not all of it."""
    counts = [_count(usage.get(name)) for name in names]
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
