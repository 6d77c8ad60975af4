"""A scripted model that plays the main agent of an agent host: loopback, no internet.

It answers one request of the host per step. What a step may look at is what is new:
the text after the agent's own last message, be it tool results, a person's words, or
the host's own words when it wakes the agent. Requests that offer no tools (titles,
summaries) use up no step; a request after the last step is answered with `NO_REPLY`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from fakes.model_answer import chunks, usage_of
from fakes.model_calls import Answer, ToolCall
from fakes.model_script import text_of

NOTHING_TO_SAY = "NO_REPLY"


class Step(NamedTuple):
    """What the agent does next, and what it must have heard before.

    `expect` is a pattern that what is new must hold; `captures` keeps the first group
    of each pattern under its name. `${name}` in a later text, argument or pattern
    stands for it.
    """

    answer: Answer
    expect: str = ""
    captures: Mapping[str, str] = {}


class Role(NamedTuple):
    """What every conversation plays whose first words hold `marker`: a sub-agent's.

    Each plays the steps from their beginning, one for each request, also many at once.
    Named groups of the marker are values for `${name}`, beside what was captured.
    """

    marker: str
    steps: Sequence[Step]


class Exchange(NamedTuple):
    """One request of the host that used up a step, and what it was answered."""

    body: dict[str, Any]
    heard: str
    answer: Answer


class HostModel:
    """The server; as a context manager it serves in threads and always ends them.

    `exchanges` holds what was said, `bodies` every request, `problems` what did not go
    as the script expects; after a problem the script goes no further. `asides` holds
    what was said to those who play a role.
    """

    def __init__(self, steps: Sequence[Step], roles: Sequence[Role] = ()) -> None:
        self.steps = steps
        self.roles = roles
        self.asides: list[Exchange] = []
        self.bodies: list[dict[str, Any]] = []
        self.exchanges: list[Exchange] = []
        self.captured: dict[str, str] = {}
        self.problems: list[str] = []
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    @property
    def url(self) -> str:
        """The base URL, as the host is configured with it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for_end(self, *, limit_s: float) -> None:
        """Wait until every step is used up; an AssertionError says what is wrong."""
        self.wait_for_steps(len(self.steps), limit_s=limit_s)

    def wait_for_steps(self, count: int, *, limit_s: float) -> None:
        """Wait until so many steps are used up; see `wait_until`."""
        self.wait_until(lambda: len(self.exchanges) >= count, limit_s=limit_s)

    def reply(self, body: dict[str, Any]) -> Answer:
        """Decide the answer to one request, and keep both."""
        with self._changed:
            self.bodies.append(body)
            if not body.get("tools") or self.problems:
                return NOTHING_TO_SAY
            heard = newly_heard(body)
            if role := self._role_of(body):
                answer = self._play(*role, body, heard)
                self.asides.append(Exchange(body, heard, answer))
            elif self.is_over():
                return NOTHING_TO_SAY
            else:
                answer = self.next_answer(heard)
                self.exchanges.append(Exchange(body, heard, answer))
            self._changed.notify_all()
            return answer

    def _role_of(self, body: Mapping[str, Any]) -> tuple[Role, re.Match[str]] | None:
        told = [one for one in body["messages"] if one.get("role") == "user"]
        first = text_of(told[0].get("content")) if told else ""
        found = ((role, re.search(role.marker, first)) for role in self.roles)
        return next(((role, match) for role, match in found if match), None)

    def _play(
        self, role: Role, match: re.Match[str], body: Mapping[str, Any], heard: str
    ) -> Answer:
        """Take the step that comes after what this conversation has said already."""
        said = sum(one.get("role") == "assistant" for one in body["messages"])
        if said >= len(role.steps):
            return NOTHING_TO_SAY
        values = {**self.captured, **match.groupdict()}
        answer = self._take(role.steps[said], heard, values)
        self.captured |= {
            name: values[name] for name in role.steps[said].captures if name in values
        }
        return answer

    def is_over(self) -> bool:
        """Whether the script has been played, or failed."""
        return bool(self.problems) or len(self.exchanges) == len(self.steps)

    def next_answer(self, heard: str) -> Answer:
        """Decide what the main agent says to what is new to it."""
        step = self.steps[len(self.exchanges)]
        return self._take(step, heard, self.captured)

    def wait_until(self, wish: Callable[[], object], *, limit_s: float) -> None:
        """Wait until a wish comes true; an AssertionError says what is wrong."""
        with self._changed:
            self._changed.wait_for(lambda: self.problems or wish(), limit_s)
            done = len(self.exchanges)
            last = self.exchanges[-1].heard[-2000:] if self.exchanges else ""
            assert not self.problems, "\n".join(self.problems)
            assert wish(), f"stopped after step {done}, having read: {last}"

    def _take(self, step: Step, heard: str, values: dict[str, str]) -> Answer:
        for name, pattern in step.captures.items():
            if found := re.search(filled(pattern, values), heard, re.DOTALL):
                values[name] = found[1]
            else:
                self._complain(pattern, heard)
        expect = filled(step.expect, values)
        if not re.search(expect, heard, re.DOTALL):
            self._complain(expect, heard)
        if self.problems:
            return NOTHING_TO_SAY
        if isinstance(step.answer, str):
            return filled(step.answer, values)
        if not isinstance(step.answer, ToolCall):
            return step.answer
        arguments = filled_deeply(step.answer.arguments, values)
        return ToolCall(step.answer.name, arguments)

    def _complain(self, pattern: str, heard: str) -> None:
        number = len(self.exchanges)
        self.problems.append(
            f"step {number} wants {pattern!r}, heard:\n{heard[-3000:]}"
        )


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of each `${name}` that is known."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def filled_deeply(value: Any, values: Mapping[str, str]) -> Any:
    """Put values in the place of each `${name}` in any text of an argument."""
    if isinstance(value, Mapping):
        return {key: filled_deeply(each, values) for key, each in value.items()}
    return filled(value, values) if isinstance(value, str) else value


def newly_heard(body: Mapping[str, Any]) -> str:
    """Return the text after the agent's last message, all of it if there is none."""
    new: list[str] = []
    for message in reversed(body["messages"]):
        if message.get("role") == "assistant":
            break
        new.append(text_of(message.get("content")))
    return "\n".join(reversed(new))


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, model: HostModel) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing: the exchanges tell more."""

    def do_GET(self) -> None:
        raw = json.dumps({"object": "list", "data": [{"id": "scripted"}]}).encode()
        self._start("application/json")
        self.wfile.write(raw)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw)
        answer = self.server.model.reply(body)
        self._start("text/event-stream")
        for chunk in chunks(body, answer, usage_of(len(raw), answer)):
            self.wfile.write(f"data: {chunk}\n\n".encode())

    def _start(self, kind: str) -> None:
        self.send_response(200)  # HTTP/1.0: the connection ends with the answer
        self.send_header("content-type", kind)
        self.end_headers()
