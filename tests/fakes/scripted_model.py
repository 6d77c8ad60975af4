"""A model server that obeys its prompt: OpenAI-compatible, loopback, no internet.

The prompt is the script. The newest user message that holds directives is obeyed, one
step a request; a directive is a line that begins with one of these words:

    WRITE path content    write a file (`\\n` in the content is a newline)
    READ path             read a file
    RUN command           run a shell command
    SAY text              the final text; without it `DONE n step(s)`
    FAULT spec            break this message's requests before any step: a status
                          (401 402 403 404 429 500 529) for ever, `429x2` twice,
                          `429x2ra1` also with `Retry-After: 1`; `hang30` silence for
                          30 s, `stall30` the same after the first chunk, and then a
                          cut, `slow50` 50 ms between chunks, `drop` once a stream cut
                          in the middle, `dropeof` once one that ends early but
                          cleanly, `badjson` a web page; with `x2` twice only, with
                          `@1` at the end not before one step is done: `429x4ra1@1`

A line "Create `path` ...", "Write `path` ..." or "Update `path` ... from `a`, `b`"
asks for a file too: `a` and `b` are read and `content_for(path, line)` is written. A
message that only says which file to read is followed: that file is then the script.
A finding of a reviewer that reads so is done too, and what is to be done "in this way"
says so. Where a prompt quotes a JSON schema for a result, the final text is a value
that fits; `fakes.model_result` tells how a prompt chooses it.
Counted faults (`xN`, `drop`, `dropeof`) are counted by the text of the prompt.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

if __name__ == "__main__":  # as a script, the folder above is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.model_http import Server
from fakes.model_script import Turn, content_for, instructions

__all__ = ["Limits", "ScriptedModel", "content_for", "instructions"]

MEET_LIMIT_S = 60.0
"""How long conversations that must meet wait for each other."""

Record = dict[str, Any]


class Limits(NamedTuple):
    """What the server refuses (zero: nothing), and what holds its answers back.

    `meet` names files: the first request of a conversation whose script writes one of
    them is held until every one of them has been asked for, which proves that their
    workers are there at the same time. A conversation `looks` into files before its
    first step, and closes with what it `says`, as real ones do. At most `rpm` requests
    are taken within any `window_s` seconds.
    """

    api_key: str = ""
    max_concurrency: int = 0
    rpm: int = 0
    meet: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    says: str = ""
    window_s: float = 60.0


NO_LIMITS = Limits()


class ScriptedModel:
    """The server; as a context manager it serves in threads and always ends them.

    `url` is the base URL for clients. `requests` holds one record a request, `bodies`
    the parsed requests in the order they came, `breaches` how often which limit was not
    kept. Leaving raises what went wrong inside.
    """

    def __init__(
        self, limits: Limits = NO_LIMITS, *, port: int = 0, log: Path | None = None
    ) -> None:
        self.limits = limits
        self.log = log
        self.requests: list[Record] = []
        self.bodies: list[dict[str, Any]] = []
        self.in_flight = 0
        self.peak_in_flight = 0
        self.breaches: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self.closing = threading.Event()
        self.changed = threading.Condition()
        self._faults: Counter[tuple[str, str]] = Counter()
        self._starts: deque[float] = deque()
        self._met: set[str] = set()
        self._server = Server(port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    @property
    def port(self) -> int:
        """The port it listens on, on 127.0.0.1 only."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL, as a client is configured with it."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with self.changed:
            self.changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        if self.failures:
            message = "the scripted model itself failed"
            raise RuntimeError(message) from self.failures[0]

    def wait_for(
        self, wanted: Callable[[list[Record]], bool], *, limit_s: float
    ) -> None:
        """Wait until the records are as wanted; raises TimeoutError after a limit."""
        with self.changed:
            if not self.changed.wait_for(lambda: wanted(self.requests), limit_s):
                message = f"the model got {len(self.requests)} requests, none as wanted"
                raise TimeoutError(message)

    def count_by_status(self) -> dict[str, int]:
        """Count the answered requests by status, or by fault where there was none."""
        return dict(Counter(str(one["status"]) for one in self.requests))

    @contextmanager
    def serving(self, body: dict[str, Any]) -> Iterator[tuple[int, Callable[[], None]]]:
        """Count a request as in flight, until it leaves.

        Gives how many are in flight, itself included, and how it leaves before: who has
        the end of an answer may send the next request at once.
        """
        with self.changed:
            self.in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
            self.bodies.append(body)
            now = self.in_flight
            self.changed.notify_all()
        left: list[bool] = []

        def leave() -> None:
            with self.changed:
                if not left:
                    left.append(True)
                    self.in_flight -= 1

        try:
            yield now, leave
        finally:
            leave()

    def note(self, record: Record) -> None:
        """Keep a record, and append it to the log file if there is one."""
        with self.changed:
            self.requests.append(record)
            if self.log:
                with self.log.open("a") as file:
                    file.write(json.dumps(record) + "\n")
            self.changed.notify_all()

    def is_over_limit(self, in_flight: int) -> str:
        """Name the limit that one more request breaks; empty if none."""
        limits, now = self.limits, time.monotonic()
        if limits.max_concurrency and in_flight > limits.max_concurrency:
            self.breaches["concurrency"] += 1
            return f"max organization concurrency: {limits.max_concurrency}"
        with self.changed:
            while self._starts and self._starts[0] <= now - limits.window_s:
                self._starts.popleft()
            if limits.rpm and len(self._starts) >= limits.rpm:
                self.breaches["requests"] += 1
                return f"organization max RPM: {limits.rpm}"
            self._starts.append(now)
        return ""

    def count_fault(self, turn: Turn, fault: str) -> int:
        """Return how often this prompt has met its fault, this time included."""
        with self.changed:
            self._faults[turn.script.key, fault] += 1
            return self._faults[turn.script.key, fault]

    def meet(self, turn: Turn) -> bool | None:
        """Hold a conversation until all have met; None: not one of them."""
        written = {step.target for step in turn.script.steps if step.word == "WRITE"}
        here = written & set(self.limits.meet)
        if not here:
            return None
        with self.changed:
            self._met |= here
            self.changed.notify_all()
            return self.changed.wait_for(
                lambda: self.closing.is_set() or self._met >= set(self.limits.meet),
                MEET_LIMIT_S,
            )


def main() -> None:
    """Serve until a signal; see the head of this file for the language."""
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--port", type=int, default=0, help="0 takes a free one")
    ask.add_argument("--log", type=Path, help="gets one JSON line a request")
    ask.add_argument("--api-key", default="", help="any other key gets 401")
    ask.add_argument("--max-concurrency", type=int, default=0, help="429 above")
    ask.add_argument("--rpm", type=int, default=0, help="429 above, per minute")
    ask.add_argument("--meet", action="append", default=[], metavar="FILE")
    args = ask.parse_args()
    limits = Limits(args.api_key, args.max_concurrency, args.rpm, tuple(args.meet))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with ScriptedModel(limits, port=args.port, log=args.log) as model:
        print(model.url, flush=True)  # noqa: T201 what a person needs to go on
        ended.wait()


if __name__ == "__main__":
    main()
