"""The shapes of an answer: whole, or cut into the pieces of a stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from fakes.model_calls import Answer, calls_of

CHUNK_CHARS = 64


def usage_of(request_bytes: int, answer: Answer) -> dict[str, Any]:
    """Make up token counts from sizes alone, so that the same talk costs the same."""
    prompt, completion = request_bytes // 4, len(_spoken(answer)) // 4 + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": prompt // 2},
    }


def _spoken(answer: Answer) -> str:
    if isinstance(answer, str):
        return answer
    return "".join(json.dumps(call.arguments) for call in calls_of(answer))


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    number = len(body.get("messages") or ())
    return {
        "id": f"chatcmpl-{number}",
        "object": kind,
        "created": int(time.time()),
        "model": body.get("model"),
    }


def _message(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"role": "assistant", "content": answer}
    number = len(body["messages"])
    calls = [
        {
            "id": f"call_{number}" + (f"_{place}" if place else ""),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for place, call in enumerate(calls_of(answer))
    ]
    names = ", ".join(dict.fromkeys(call.name for call in calls_of(answer)))
    return {
        "role": "assistant",
        "content": f"I will call {names}.",
        "tool_calls": calls,
    }


def _reason(answer: Answer) -> str:
    return "stop" if isinstance(answer, str) else "tool_calls"


def whole(
    body: dict[str, Any], answer: Answer, usage: dict[str, Any]
) -> dict[str, Any]:
    """Return an answer as one object, for a client that does not stream."""
    message = _message(body, answer)
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": usage}


def chunks(
    body: dict[str, Any], answer: Answer, usage: dict[str, Any]
) -> Iterator[str]:
    """Cut an answer into the pieces of a stream, its usage last."""
    head = _head(body, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return json.dumps({**head, "choices": [choice]})

    message = _message(body, answer)
    for piece in _pieces(message["content"]):
        yield chunk({"role": "assistant", "content": piece})
    for place, call in enumerate(message.get("tool_calls") or ()):
        name = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{**call, "index": place, "function": name}]})
        for piece in _pieces(call["function"]["arguments"]):
            rest = {"index": place, "function": {"arguments": piece}}
            yield chunk({"tool_calls": [rest]})
    yield chunk({}, _reason(answer))
    yield json.dumps({**head, "choices": [], "usage": usage})
    yield "[DONE]"


def _pieces(text: str) -> list[str]:
    return [text[i : i + CHUNK_CHARS] for i in range(0, len(text), CHUNK_CHARS)]
