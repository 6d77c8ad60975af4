"""What the gateway costs: the same streams, directly and through it, in turn."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import anyio

from bench import ROOT
from bench.clock import cpu_s_of
from bench.tables import Cell, Table
from fakes.gateway import Lane, gateway_in
from kimi_swarm.lanes.gateway.grant import Route

ALONE = 200
CROWD = 200
ROUNDS = 3
BODY = b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"x":"%s"}'
BODY_BYTES = 50_000
"""About what a coding program sends with its first question."""
MIB = 1 << 20
_STAMP = re.compile(rb"@(\d+\.\d+)@")
_END = b"\r\n0\r\n\r\n"


class Way(NamedTuple):
    """Where to ask: a port, what stands before the path, and a key."""

    name: str
    port: int
    before: str
    key: str


class Stream(NamedTuple):
    """How one stream went: seconds to its first piece and in all, how late each was."""

    first_s: float
    whole_s: float
    late_s: list[float]
    size_bytes: int


def run() -> list[Table]:
    """Measure one at a time, one that is large, and a crowd."""
    return anyio.run(_run)


async def _run() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        async with _provider() as port, gateway_in(Path(folder)) as lane:
            route = Route("p", f"http://127.0.0.1:{port}", "/v1", "k", pool="")
            await lane.grant(route)
            ways = (
                Way("direct", port, "", "k"),
                Way("through the gateway", lane.port, "/p", lane.token()),
            )
            return [
                await _alone(ways),
                await _large(ways),
                await _crowd(ways, lane),
            ]


@asynccontextmanager
async def _provider() -> AsyncIterator[int]:
    process = subprocess.Popen(  # noqa: ASYNC220 it lives as long as the bench
        [sys.executable, str(ROOT / "bench" / "stream_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None  # noqa: S101 both are pipes
    assert process.stdout is not None  # noqa: S101 as above
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


async def _alone(ways: tuple[Way, ...]) -> Table:
    seen: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(ALONE + 10):
        for way in ways:
            stream = await _stream(way, "1/0/200")
            if number >= 10:  # the first ones warm everybody up
                seen[way.name].append(stream.first_s * 1000)
    rows: list[list[Cell]] = [
        [name, statistics.median(took), _share(took, 0.95)]
        for name, took in seen.items()
    ]
    direct, through = (statistics.median(took) for took in seen.values())
    notes = (
        f"{ALONE} requests each, one at a time; a body of {BODY_BYTES:,} bytes",
        f"added to the first piece, at the median: {through - direct:.2f} ms",
    )
    return Table("time to the first piece, ms", ("way", "median", "95 %"), rows, notes)


async def _large(ways: tuple[Way, ...]) -> Table:
    seen: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            stream = await _stream(way, "8192/0/16384")
            seen[way.name].append(stream.size_bytes / MIB / stream.whole_s)
    rows: list[list[Cell]] = [[name, statistics.median(s)] for name, s in seen.items()]
    notes = (f"one stream of 128 MiB in pieces of 16 KiB, median of {ROUNDS}",)
    return Table("throughput, MiB/s", ("way", "MiB/s"), rows, notes)


async def _crowd(ways: tuple[Way, ...], lane: Lane) -> Table:
    rows: list[list[Cell]] = []
    pid = await lane.pid()
    for way in ways:
        cpu_s, began = cpu_s_of(pid), monotonic()
        streams: list[Stream] = []

        async def one(way: Way = way, streams: list[Stream] = streams) -> None:
            streams.append(await _stream(way, "100/50/200"))

        async with anyio.create_task_group() as group:
            for _ in range(CROWD):
                group.start_soon(one)
        wall_s, cpu_s = monotonic() - began, cpu_s_of(pid) - cpu_s
        first = [stream.first_s * 1000 for stream in streams]
        late = [late_s * 1000 for stream in streams for late_s in stream.late_s]
        rows.append(
            [
                way.name,
                statistics.median(first),
                _share(first, 0.95),
                statistics.median(late),
                _share(late, 0.99),
                wall_s,
                cpu_s,
            ]
        )
    head = ("way", "first ms", "95 %", "late ms", "99 %", "wall s", "gateway CPU s")
    notes = (
        f"{CROWD} streams at once, each of 100 pieces 50 ms apart, begun together",
        "late: from the provider's sending of a piece to its arrival at the asker",
        "provider and asker are one Python process each, on the same two cores",
    )
    return Table(f"{CROWD} streams at once", head, rows, notes)


async def _stream(way: Way, how: str) -> Stream:
    body = BODY % (b"y" * BODY_BYTES)
    head = (
        f"POST {way.before}/v1/{how} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {way.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    began, first_s, size_bytes, end = monotonic(), 0.0, 0, b""
    late_s: list[float] = []
    async with await anyio.connect_tcp("127.0.0.1", way.port) as stream:
        await stream.send(head.encode() + body)
        while not end.endswith(_END):
            data = await stream.receive(262_144)
            at, size_bytes = monotonic(), size_bytes + len(data)
            late_s += [at - float(sent) for sent in _STAMP.findall(data)]
            if late_s and not first_s:
                first_s = at - began
            end = (end + data)[-len(_END) :]
    return Stream(first_s, monotonic() - began, late_s, size_bytes)


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]
