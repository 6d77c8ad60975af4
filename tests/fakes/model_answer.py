"""The shapes of an answer: whole, or cut into the pieces of a stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from fakes.model_calls import ToolCall

CHUNK_CHARS = 64


def usage_of(request_bytes: int, answer: ToolCall | str) -> dict[str, Any]:
    """Make up token counts from sizes alone, so that the same talk costs the same."""
    prompt, completion = request_bytes // 4, len(_spoken(answer)) // 4 + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": prompt // 2},
    }


def _spoken(answer: ToolCall | str) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer.arguments)


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    number = len(body.get("messages") or ())
    return {
        "id": f"chatcmpl-{number}",
        "object": kind,
        "created": int(time.time()),
        "model": body.get("model"),
    }


def _message(body: dict[str, Any], answer: ToolCall | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"role": "assistant", "content": answer}
    function = {"name": answer.name, "arguments": json.dumps(answer.arguments)}
    call = {"id": f"call_{len(body['messages'])}", "type": "function"}
    return {
        "role": "assistant",
        "content": f"I will call {answer.name}.",
        "tool_calls": [{**call, "function": function}],
    }


def _reason(answer: ToolCall | str) -> str:
    return "stop" if isinstance(answer, str) else "tool_calls"


def whole(
    body: dict[str, Any], answer: ToolCall | str, usage: dict[str, Any]
) -> dict[str, Any]:
    """Return an answer as one object, for a client that does not stream."""
    message = _message(body, answer)
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": usage}


def chunks(
    body: dict[str, Any], answer: ToolCall | str, usage: dict[str, Any]
) -> Iterator[str]:
    """Cut an answer into the pieces of a stream, its usage last."""
    head = _head(body, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return json.dumps({**head, "choices": [choice]})

    message = _message(body, answer)
    for piece in _pieces(message["content"]):
        yield chunk({"role": "assistant", "content": piece})
    for call in message.get("tool_calls") or ():
        name = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{**call, "index": 0, "function": name}]})
        for piece in _pieces(call["function"]["arguments"]):
            rest = {"index": 0, "function": {"arguments": piece}}
            yield chunk({"tool_calls": [rest]})
    yield chunk({}, _reason(answer))
    yield json.dumps({**head, "choices": [], "usage": usage})
    yield "[DONE]"


def _pieces(text: str) -> list[str]:
    return [text[i : i + CHUNK_CHARS] for i in range(0, len(text), CHUNK_CHARS)]
