"""The demo worker: does small, sure work without a model, so that a tour needs no key.

    python -P -m kimi_swarm.workers.demo < PROMPT

It reads its prompt from standard input, works in the current folder and speaks the
`swarm` dialect. A line of the prompt, with or without a list marker, that begins with
Create, Write or Update and a path in backticks makes it write that file:

    - Create `src/Header.tsx`: a header with a dark-mode switch
    - Write `src/App.tsx` from `src/Header.tsx` and `src/Footer.tsx`

The content depends on that line alone, and on the files named after `from` (one, or
several with commas or `and` between them), which must be there. A prompt without such a
line gets a sentence for an answer. Where the prompt quotes a JSON schema for a result,
the answer is a made-up value that fits it. A line `Answer wrongly` makes it one that
does not, so that a repair can be watched; a line "Answer with `words`" makes it those
words. Paths are relative and stay inside the folder. The token counts are made up from
lengths. It pauses KIMI_SWARM_DEMO_PACE_S seconds (0.2 if not set) before each file, so
that a person can watch. Exit code 0: done; 1: an `error` event says why not; 143: ended
by SIGTERM.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from kimi_swarm.workers.demo_content import Source, content
from kimi_swarm.workers.demo_result import example

MAX_PACE_S = 60.0
TOKEN_CHARS = 4

_ORDER = re.compile(
    r"[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(?:Create|Write|Update)[ \t]+`([^`]*)`(.*)"
)
_FROM = re.compile(r"\bfrom[ \t]+((?:`[^`]*`(?:,? and |,[ \t]*)?)+)")
_EDGES = " \t:;,.-"
_SCHEMA = re.compile(r"[ \t]*JSON schema: (\{.*\})[ \t]*")
_WRONGLY = re.compile(r"[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?Answer wrongly\b.*")
_GIVEN = re.compile(r"[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?Answer with `(.+)`[ \t]*")
_QUOTED = re.compile(r"`([^`]*)`")


class Order(NamedTuple):
    """One file to write: where, what it is, and from which files."""

    path: str
    description: str
    sources: tuple[str, ...]


class _CannotWorkError(Exception):
    """Raised when the prompt asks for what cannot be done."""


def orders(prompt: str) -> list[Order]:
    """Return the files that a prompt asks for, in its order."""
    found = []
    for line in prompt.splitlines():
        if asked := _ORDER.fullmatch(line):
            path, rest = asked.groups()
            named = _FROM.search(rest)
            words = rest
            if named:
                words = rest[: named.start()].strip(_EDGES) or rest[named.end() :]
            sources = tuple(_QUOTED.findall(named[1])) if named else ()
            found.append(Order(path, words.strip(_EDGES), sources))
    return found


def main() -> int:
    """Do what the prompt on standard input asks; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    try:
        prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
        _say({"event": "started", "worker": "demo"})
        for event in _worked(prompt, _pace_s()):
            _say(event)
    except _CannotWorkError as error:
        _say({"event": "error", "class": "bad_request", "message": str(error)})
        return 1
    except BrokenPipeError:
        os._exit(1)  # nobody listens: no goodbye, and no complaint at the flush
    except OSError as error:
        told = f"{error.filename or 'output'}: {error.strerror or error}"
        _say({"event": "error", "class": "other", "message": told})
        return 1
    return 0


def _worked(prompt: str, pace_s: float) -> Iterator[dict[str, object]]:
    if not prompt.strip():
        raise _CannotWorkError("The prompt was empty.")
    asked = orders(prompt)
    for order in asked:  # before the first file, so that a refused task changes nothing
        for path in (order.path, *order.sources):
            _check_inside(path)
    written: list[tuple[str, int]] = []
    for order in asked:
        yield {"event": "tool", "name": "Write", "summary": f"Write {order.path}"}
        time.sleep(pace_s)
        written.append((order.path, _write(order)))
    text = _result(prompt) or (_told(written) if written else _answer(prompt))
    size = sum(count for _, count in written) or len(text)
    yield {"event": "text", "text": text}
    yield {
        "event": "usage",
        "input_tokens": len(prompt) // TOKEN_CHARS + 1,
        "output_tokens": size // TOKEN_CHARS + 1,
        "requests": 0,
        "model": "demo",
    }
    yield {"event": "finished", "reason": "stop"}


def _write(order: Order) -> int:
    sources = [Source(path, _read(path)) for path in order.sources]
    made = content(order.path, order.description, sources).encode()
    file = Path(order.path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(made)
    return len(made)


def _read(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        raise _CannotWorkError(f"`{path}` is not there to work from.") from None


def _check_inside(path: str) -> None:
    parts = [part.lower() for part in PureWindowsPath(path).parts]
    is_foreign = (
        PurePosixPath(path).is_absolute()
        or bool(PureWindowsPath(path).anchor)
        or not parts
        or not {"..", ".git"}.isdisjoint(parts)
        or "\0" in path
    )
    root = os.path.realpath(".")
    # Links are followed, so that none of them leads out.
    if is_foreign or not Path(os.path.realpath(path)).is_relative_to(root):
        raise _CannotWorkError(f"`{path}` is not a file inside the workspace.")


def _pace_s() -> float:
    given = os.environ.get("KIMI_SWARM_DEMO_PACE_S", "0.2")
    try:
        pace_s = float(given)
    except ValueError:
        pace_s = -1.0
    if not 0 <= pace_s <= MAX_PACE_S:
        raise _CannotWorkError(
            f"KIMI_SWARM_DEMO_PACE_S must be seconds from 0 to {MAX_PACE_S:g}."
        )
    return pace_s


def _told(written: list[tuple[str, int]]) -> str:
    files = ", ".join(f"`{path}` ({count} bytes)" for path, count in written)
    return f"Wrote {len(written)} file{'s' * (len(written) > 1)}: {files}."


def _answer(prompt: str) -> str:
    first = next(line.strip() for line in prompt.splitlines() if line.strip())
    return f"The demo worker read the task “{first}” and has no file to write for it."


def _result(prompt: str) -> str:
    """Return a result as the prompt wants it, "" if it wants none."""
    lines = prompt.splitlines()
    if given := next(filter(None, map(_GIVEN.fullmatch, lines)), None):
        return given[1]
    quoted = [found[1] for line in lines if (found := _SCHEMA.fullmatch(line))]
    if not quoted:
        return ""
    if any(_WRONGLY.fullmatch(line) for line in lines):
        return "Here is the result: it is not as it should be."
    try:
        return json.dumps(example(json.loads(quoted[0])), ensure_ascii=False)
    except ValueError:
        raise _CannotWorkError("The schema in the prompt is no JSON.") from None


def _say(event: dict[str, object]) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
