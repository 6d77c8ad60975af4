"""How the gateway reaches a provider: by a proxy, and with a worker's certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.gateway import KEY, chat, gateway_in
from fakes.raw_provider import Heard, RawProvider, Say, whole
from kimi_swarm.lanes.gateway.grant import Route

pytestmark = pytest.mark.anyio


def answer(_: Heard, say: Say) -> None:
    say(whole("200 OK", b"{}"))


async def test_a_proxy_is_asked_for_the_whole_address(tmp_path: Path):
    with RawProvider(answer) as proxy:
        route = Route("p", "http://moon.example", "/v1", KEY, proxy=proxy.origin)
        async with gateway_in(tmp_path) as lane:
            await lane.grant(route)
            assert (await lane.ask(chat())).status == 200
        (heard,) = proxy.heard
    assert heard.line == "POST http://moon.example/v1/chat/completions HTTP/1.1"
    assert heard.header("host") == "moon.example"
    assert heard.header("authorization") == f"Bearer {KEY}"


async def test_certificates_that_cannot_be_read_are_told(tmp_path: Path):
    route = Route("p", "https://127.0.0.1:1", "/v1", KEY, ca_file="/no/such/file")
    async with gateway_in(tmp_path) as lane:
        await lane.grant(route)
        reply = await lane.ask(chat())
    assert reply.status == 502
    assert "No such file" in reply.json["error"]["message"]
