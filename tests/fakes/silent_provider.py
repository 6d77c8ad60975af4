"""A provider that answers and never tells what it used, as some small ones do."""

from __future__ import annotations

import json

from fakes.raw_provider import STREAM_HEAD, Answer, Heard, Say, chunk


def says_without_usage(*texts: str) -> Answer:
    """Return what answers each request with these pieces of a stream, and no usage."""

    def answer(_: Heard, say: Say) -> None:
        say(STREAM_HEAD)
        for text in texts:
            spoken = {"choices": [{"index": 0, "delta": {"content": text}}]}
            say(chunk(f"data: {json.dumps(spoken)}\n\n".encode()))
        say(chunk(b"data: [DONE]\n\n"))
        say(chunk(b""))

    return answer
