"""The HTTP side of the scripted model: chat completions, faults, and the record."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from fakes.model_answer import chunks, usage_of, whole
from fakes.model_script import Turn, offered, take_turn

if TYPE_CHECKING:
    from fakes.scripted_model import ScriptedModel

MODELS = ("kimi-k2.5", "kimi-k3", "scripted")
RATE_LIMIT = "Your account request reached {}, please try again after {} seconds"
ERRORS = {
    401: ("invalid_authentication_error", "Invalid Authentication"),
    402: ("exceeded_current_quota_error", "Your balance is insufficient"),
    403: ("permission_denied_error", "This API is not open to you"),
    404: ("resource_not_found_error", "Not found the model or permission denied"),
    429: ("rate_limit_reached_error", RATE_LIMIT.format("organization max RPM: 3", 1)),
    529: ("engine_overloaded_error", "The engine is overloaded, try again later"),
}
FAULT = re.compile(r"(\d{3}|[a-z]+[\d.]*?)(?:x(\d+))?(?:ra(\d+))?(?:@(\d+))?", re.ASCII)


class Fault(NamedTuple):
    """What breaks a request: what, how often, after how many steps.

    `times` 0 is for ever; `wait_s` is what a status is sent with as `Retry-After`.
    """

    name: str
    times: int = 0
    wait_s: int | None = None
    after: int = 0

    @classmethod
    def read(cls, spec: str) -> Fault:
        """Read the short form that stands in a script."""
        found = FAULT.fullmatch(spec)
        if found is None:
            return cls(spec)
        name, times, wait_s, after = found.groups()
        once = 1 if name in {"drop", "dropeof"} else 0
        return cls(
            name, int(times or once), int(wait_s) if wait_s else None, int(after or 0)
        )

    def number(self, word: str) -> float | None:
        """The number behind a word: 30.0 for `hang30`, None for another word."""
        found = re.fullmatch(word + r"(\d+(?:\.\d+)?)", self.name)
        return float(found[1]) if found else None


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1; closing it ends and joins every thread."""

    daemon_threads = False
    request_queue_size = 256

    def __init__(self, port: int, model: ScriptedModel) -> None:
        self.model = model
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open, so that their threads end."""
        for one in list(self._connections):
            with suppress(OSError):  # the client was faster
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(
        self,
        request: Any,  # noqa: ARG002 the parent's signature
        client_address: Any,  # noqa: ARG002
    ) -> None:
        error = sys.exc_info()[1]
        if error and not isinstance(error, ConnectionError):
            self.model.failures.append(error)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """Make ready; while no request is served, there is none that could leave."""
        super().setup()
        self.leave: Callable[[], None] = lambda: None

    def log_message(self, *_: object) -> None:
        """Say nothing: the record tells more."""

    def do_GET(self) -> None:
        if not self.path.partition("?")[0].endswith("/models"):
            self.send_error_json(404, message=f"no such page: {self.path}")
            return
        models = [{"id": name, "object": "model", "created": 1} for name in MODELS]
        self.send_json(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        model, began_at = self.server.model, time.time()
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw)
        record = {
            "path": self.path,
            "model": body.get("model"),
            "stream": bool(body.get("stream")),
            "bytes": len(raw),
            "messages": len(body.get("messages") or ()),
            "tools": len(offered(body)),
            "client": self.headers.get("user-agent"),
            "conversation": body.get("prompt_cache_key")
            or self.headers.get("x-session-affinity"),
            "began_at": began_at,
            "status": "gone",
        }
        try:
            with model.serving(body) as (in_flight, self.leave):
                record["in_flight"] = in_flight
                record["status"] = self.answer(body, record, in_flight)
        finally:
            model.note({**record, "ended_at": time.time()})

    def answer(self, body: dict[str, Any], record: dict[str, Any], n: int) -> Any:
        """Send the answer to one request; gives its status, or its fault's name."""
        model = self.server.model
        if not self.path.partition("?")[0].endswith("/chat/completions"):
            return self.send_error_json(404, message=f"no such page: {self.path}")
        key = model.limits.api_key
        if key and self.headers.get("authorization") != f"Bearer {key}":
            return self.send_error_json(401)
        if limit := model.is_over_limit(n):
            message = RATE_LIMIT.format(limit, 1)
            return self.send_error_json(429, message=message, retry_after_s=1)
        limits = self.server.model.limits
        turn = take_turn(body, looks=limits.looks, says=limits.says)
        fault = Fault.read(turn.script.fault or "")
        record.update(script=turn.script.key, fault=turn.script.fault)
        if self.is_due(turn, fault) and (broken := self.break_off(fault, body)):
            return broken
        if not any(one.get("tool_calls") for one in body["messages"]):
            record["met"] = model.meet(turn)
        usage = record["usage"] = usage_of(record["bytes"], turn.answer)
        record["step"] = list(turn.step[:2]) if turn.step else None
        if body.get("stream"):
            self.send_stream(chunks(body, turn.answer, usage), fault.number("slow"))
        else:
            self.send_json(200, whole(body, turn.answer, usage))
        return 200

    def is_due(self, turn: Turn, fault: Fault) -> bool:
        """Whether a request meets the fault: it counts those that do."""
        if not fault.name or turn.done < fault.after:
            return False
        times = self.server.model.count_fault(turn, fault.name)
        return not fault.times or times <= fault.times

    def break_off(self, fault: Fault, body: dict[str, Any]) -> Any:
        """Break the request as its fault says; gives what was done, None if nothing."""
        if fault.name.isdigit():
            return self.send_error_json(int(fault.name), retry_after_s=fault.wait_s)
        if (silence_s := fault.number("hang")) is not None:
            self.server.model.closing.wait(silence_s)
            return None
        if fault.name == "badjson":
            self.send_bytes(200, b"<html>bad gateway</html>", "text/html")
            return fault.name
        stall_s = fault.number("stall")
        if stall_s or fault.name in {"drop", "dropeof"}:
            is_framed = fault.name != "dropeof"
            self.cut_short(body, is_framed=is_framed, silence_s=stall_s or 0.0)
            return fault.name
        return None

    def cut_short(
        self, body: dict[str, Any], *, is_framed: bool, silence_s: float = 0.0
    ) -> None:
        """Send a little text and hang up; framed, the client can tell it was cut."""
        self.close_connection = True
        first = next(chunks(body, "par", {}))
        self.start_stream(is_framed=is_framed)
        self.send_chunk(first, is_framed=is_framed)
        self.server.model.closing.wait(silence_s)
        with suppress(OSError):  # the client may have left
            self.connection.shutdown(socket.SHUT_RDWR)

    def send_error_json(
        self, status: int, *, message: str = "", retry_after_s: int | None = None
    ) -> int:
        kind, usual = ERRORS.get(status, ("server_error", "Internal Server Error"))
        error = {"error": {"type": kind, "message": message or usual}}
        self.send_json(status, error, retry_after_s=retry_after_s)
        return status

    def send_json(
        self, status: int, value: Any, *, retry_after_s: int | None = None
    ) -> None:
        raw = json.dumps(value).encode()
        self.send_bytes(status, raw, "application/json", retry_after_s=retry_after_s)

    def send_bytes(
        self, status: int, raw: bytes, kind: str, *, retry_after_s: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        if retry_after_s is not None:
            self.send_header("retry-after", str(retry_after_s))
        self.end_headers()
        self.leave()
        self.wfile.write(raw)

    def send_stream(self, pieces: Iterator[str], pause_ms: float | None) -> None:
        self.start_stream(is_framed=True)
        for chunk in pieces:
            if pause_ms:
                self.server.model.closing.wait(pause_ms / 1000)
            self.send_chunk(chunk, is_framed=True)
        self.leave()
        self.wfile.write(b"0\r\n\r\n")

    def start_stream(self, *, is_framed: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if is_framed:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("connection", "close")
        self.end_headers()

    def send_chunk(self, data: str, *, is_framed: bool) -> None:
        raw = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw) if is_framed else raw)
