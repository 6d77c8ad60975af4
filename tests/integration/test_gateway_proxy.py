"""The gateway between a worker and its provider: what goes through, and how."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from http.client import IncompleteRead
from pathlib import Path

import pytest
from anyio.to_thread import run_sync

from fakes.gateway import CHAT, KEY, SESSION, Call, Lane, chat, gateway_in
from fakes.raw_provider import STREAM_HEAD, Heard, RawProvider, Say, chunk, whole
from kimi_swarm.lanes.gateway.body import WHOLE_LIMIT_BYTES
from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.lanes.gateway.serving import ERROR_LIMIT_BYTES
from kimi_swarm.store.requests import CUT, DONE, LEFT, REFUSED

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 7, "completion_tokens": 2}
LIMIT_S = 30.0
OK = whole("200 OK", json.dumps({"usage": USAGE}).encode())
FINAL = b'data: {"choices": [], "usage": {"prompt_tokens": 7}}\n\n'


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[Lane]:
    async with gateway_in(tmp_path / "state") as lane:
        yield lane


def says(*answers: bytes) -> RawProvider:
    """Make a provider that gives these answers in turn, the last one for ever."""
    left = list(answers)

    def answer(_: Heard, say: Say) -> None:
        say(left.pop(0) if len(left) > 1 else left[0])

    return RawProvider(answer)


def route_to(provider: RawProvider, key: str | None = KEY) -> Route:
    return Route("p", provider.origin, "/v1", key, pool="test")


async def test_a_request_goes_on_as_it_was_with_the_real_key(lane: Lane):
    with says(OK) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(
            chat(temperature=0.5),
            path=f"{CHAT}?api-version=1%2F2",
            headers={"X-Mine": "1", "User-Agent": "worker/1", "Accept-Encoding": "br"},
        )
    heard = provider.heard[0]
    assert (reply.status, reply.json) == (200, {"usage": USAGE})
    assert heard.line == "POST /v1/chat/completions?api-version=1%2F2 HTTP/1.1"
    assert json.loads(heard.body) == chat(temperature=0.5)
    assert heard.header("authorization") == f"Bearer {KEY}"
    assert heard.header("x-mine") == "1"
    assert heard.header("user-agent") == "worker/1"
    assert heard.header("accept-encoding") == "identity"
    assert lane.token().encode() not in heard.head + heard.body


async def test_each_piece_of_a_stream_arrives_before_the_next_is_made(lane: Lane):
    has_first = threading.Event()

    def answer(_: Heard, say: Say) -> None:
        say(STREAM_HEAD + chunk(b'data: {"choices": [1]}\n\n'))
        assert has_first.wait(LIMIT_S)
        say(chunk(FINAL) + chunk(b""))

    def call() -> bytes:
        asking = Call(lane.port, lane.token())
        asking.send(chat(stream=True, stream_options={"include_usage": True}))
        got = asking.answer()
        first = got.read1()
        has_first.set()
        rest = got.read()
        asking.close()
        return first + rest

    with RawProvider(answer) as provider:
        await lane.grant(route_to(provider))
        assert await run_sync(call) == b'data: {"choices": [1]}\n\n' + FINAL


async def test_usage_is_asked_for_and_told_to_nobody_who_did_not_ask(lane: Lane):
    said = b'data: {"choices": [{"delta": {}}], "usage": null}\n\n'
    stream = STREAM_HEAD + chunk(said + FINAL) + chunk(b"data: [DONE]\n\n") + chunk(b"")
    with says(stream) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat(stream=True))
    assert json.loads(provider.heard[0].body)["stream_options"] == {
        "include_usage": True
    }
    assert reply.body == said + b"data: [DONE]\n\n"
    (row,) = await lane.rows()
    assert (row.input_tokens, row.status, row.ending) == (7, 200, DONE)


GEMINI = {
    "promptTokenCount": 7,
    "candidatesTokenCount": 2,
    "totalTokenCount": 9,
}


@pytest.mark.parametrize(
    ("path", "told", "model"),
    [
        (
            "/p/v1/deployments/gpt/chat/completions?api-version=1",
            {"usage": USAGE},
            "gpt",
        ),
        ("/p/v1/models/flash:generateContent", {"usageMetadata": GEMINI}, "flash"),
        ("/p/v1/unheard/of", {"usage": USAGE}, "?"),
    ],
)
async def test_a_request_that_names_no_model_is_held_and_counted_like_any_other(
    path: str, told: dict[str, object], model: str, lane: Lane
):
    with says(whole("200 OK", json.dumps(told).encode())) as provider:
        await lane.grant(route_to(provider))
        assert (await lane.ask({"contents": []}, path=path)).status == 200
        status = await lane.keeper.status()
    assert status is not None
    assert list(status["pools"]) == ["test"]
    (metered,) = await lane.metered()
    assert (metered.model, metered.requests) == (model, 1)
    assert metered.tokens is not None
    assert metered.tokens.total == 9


async def test_a_body_too_large_to_be_read_is_held_and_counted_too(lane: Lane):
    with says(OK) as provider:
        await lane.grant(route_to(provider))
        assert (await lane.ask(b"x" * (WHOLE_LIMIT_BYTES + 1))).status == 200
    (metered,) = await lane.metered()
    assert (metered.model, metered.tokens and metered.tokens.total) == ("?", 9)


async def test_what_generates_nothing_draws_on_no_pool(lane: Lane):
    path = "/p/v1/messages/count_tokens"
    with says(whole("200 OK", b'{"input_tokens": 9}')) as provider:
        await lane.grant(route_to(provider))
        assert (await lane.ask(chat(), path=path)).json == {"input_tokens": 9}
        status = await lane.keeper.status()
    assert status is not None
    assert status["pools"] == {}
    assert await lane.metered() == []


async def test_what_draws_on_no_pool_is_not_asked_again_without_end(lane: Lane):
    with says(whole("429 Too Many", b"{}", "Retry-After: 0")) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat(), path="/p/v1/messages/count_tokens")
    assert (reply.status, len(provider.heard)) == (429, 1)


async def test_a_packed_answer_is_read_on_its_way_and_stays_packed(lane: Lane):
    packed = gzip.compress(json.dumps({"usage": USAGE}).encode())
    with says(whole("200 OK", packed, "Content-Encoding: gzip")) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
    assert reply.body == packed
    (row,) = await lane.rows()
    assert (row.input_tokens, row.output_tokens) == (7, 2)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
async def test_a_refusal_of_the_provider_passes_at_once_and_unchanged(
    status: int, lane: Lane
):
    told = json.dumps({"error": {"type": "x", "message": "no"}}).encode()
    with says(whole(f"{status} Mine", told, "X-Request-ID: 9")) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
        assert len(provider.heard) == 1
    assert (reply.status, reply.body) == (status, told)
    assert reply.headers["X-Request-ID"] == "9"


async def test_a_key_that_is_said_back_does_not_reach_the_worker(lane: Lane):
    """Wherever it stands: also across the end of what is read before deciding."""
    told = b"x" * (ERROR_LIMIT_BYTES - 5) + f"{KEY} and {KEY}".encode()
    headers = (f"X-Key: {KEY}", f"Location: /?key={KEY}")
    with says(whole(f"403 {KEY}", told, *headers)) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
    assert reply.status == 403
    assert len(reply.body) == len(told)
    assert KEY.encode() not in reply.body
    assert KEY not in str(reply.headers)


async def test_a_key_in_a_packed_error_does_not_reach_the_worker(lane: Lane):
    told = json.dumps({"error": {"message": f"not {KEY}"}}).encode()
    packed = whole("401 No", gzip.compress(told), "Content-Encoding: gzip")
    with says(packed, whole("401 No", b"?", "Content-Encoding: br")) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
        strange = await lane.ask(chat())
    assert reply.json["error"]["message"].startswith("not swarm-")
    assert "Content-Encoding" not in reply.headers
    assert (strange.status, strange.body) == (401, b"")


async def test_a_key_in_a_stream_does_not_reach_the_worker(lane: Lane):
    half = len(KEY) // 2
    pieces = [f"data: {KEY[:half]}".encode(), f"{KEY[half:]}\n\n".encode()]
    stream = STREAM_HEAD + b"".join(map(chunk, pieces)) + chunk(b"")
    with says(stream) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat(stream=True))
    assert reply.body.startswith(b"data: swarm-")
    assert KEY.encode() not in reply.body


STREAMED = STREAM_HEAD + chunk(b"data: [DONE]\n\n") + chunk(b"")


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Entity"])
async def test_a_provider_that_takes_no_question_for_usage_is_asked_without_it(
    lane: Lane, status: str
):
    def answer(heard: Heard, say: Say) -> None:
        is_asked = "stream_options" in json.loads(heard.body)
        unknown = b'{"error": {"message": "Unrecognized argument: stream_options"}}'
        say(whole(status, unknown) if is_asked else STREAMED)

    with RawProvider(answer) as provider:
        await lane.grant(route_to(provider))
        asked = chat(stream=True)
        replies = [await lane.ask(asked) for _ in range(2)]
        bodies = [json.loads(one.body) for one in provider.heard]
    assert [reply.status for reply in replies] == [200, 200]
    # The first goes again just as the worker sent it; from then on nobody asks.
    assert ["stream_options" in body for body in bodies] == [True, False, False]
    assert bodies[1:] == [asked, asked]
    rows = await lane.rows()
    assert [row.tries for row in rows] == [2, 1]
    assert {row.output_tokens for row in rows} == {None}  # unknown, and not nothing


async def test_a_request_that_is_wrong_in_itself_is_refused_and_usage_asked_for_on(
    lane: Lane,
):
    wrong = whole("400 Bad Request", b'{"error": {"message": "too long"}}')
    with says(wrong, wrong, STREAMED, wrong) as provider:
        await lane.grant(route_to(provider))
        statuses = [(await lane.ask(chat(stream=True))).status for _ in range(3)]
        bodies = [json.loads(one.body) for one in provider.heard]
    assert statuses == [400, 200, 400]
    # Once it has taken the question, what it refuses has another fault.
    is_asked = ["stream_options" in body for body in bodies]
    assert is_asked == [True, False, True, True]


async def test_a_rate_limit_is_waited_for_and_the_worker_never_sees_it(lane: Lane):
    busy = whole("429 Too Many", b"{}", "Retry-After: 1")
    with says(busy, OK) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
        assert len(provider.heard) == 2
    assert reply.status == 200
    (row,) = await lane.rows()
    assert (row.tries, row.status) == (2, 200)
    assert row.held_s >= 0.9


async def test_a_provider_that_keeps_failing_is_told_to_the_worker(lane: Lane):
    with says(whole("500 Broken", b"{}"), whole("500 Broken", b"{}"), OK) as provider:
        await lane.grant(route_to(provider))
        assert (await lane.ask(chat())).status == 200
    with says(whole("500 Broken", b"mine")) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
        assert 1 < len(provider.heard) < 10
    assert (reply.status, reply.body) == (500, b"mine")


async def test_one_that_is_not_there_is_told_in_the_shape_of_its_errors(lane: Lane):
    with says(OK) as provider:
        route = route_to(provider)
    await lane.grant(route)
    reply = await lane.ask(chat())
    assert reply.status == 502
    assert "could not be reached" in reply.json["error"]["message"]


async def test_what_breaks_off_breaks_off_for_the_worker_too(lane: Lane):
    first = b'data: {"choices": []}\n\n'
    with says(STREAM_HEAD + chunk(first)) as provider:
        await lane.grant(route_to(provider))

        def call() -> None:
            asking = Call(lane.port, lane.token())
            asking.send(chat(stream=True))
            with closing(asking), pytest.raises((IncompleteRead, OSError)):
                asking.answer().read()

        await run_sync(call)
    (row,) = await lane.rows()
    assert (row.ending, row.status, row.output_tokens) == (CUT, 200, None)


async def test_when_a_worker_hangs_up_its_provider_is_let_go(lane: Lane):
    go_on = threading.Event()
    provider: RawProvider

    def answer(_: Heard, say: Say) -> None:
        say(STREAM_HEAD + chunk(b"data: {}\n\n"))
        assert go_on.wait(LIMIT_S)
        while True:
            say(chunk(b"data: {}\n\n"))

    with RawProvider(answer) as provider:
        await lane.grant(route_to(provider))

        def call() -> None:
            asking = Call(lane.port, lane.token())
            asking.send(chat(stream=True))
            got = asking.answer()
            got.read1()
            got.close()
            asking.close()
            go_on.set()
            assert provider.hung_up.wait(LIMIT_S)

        await run_sync(call)
    (row,) = await lane.rows()
    assert (row.ending, row.output_tokens) == (LEFT, None)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_only_a_session_that_runs_may_pass(path: str, lane: Lane):
    with says(OK) as provider:
        await lane.grant(route_to(provider))
        for token in ("", "nonsense", lane.token("calm-river/other"), KEY):
            reply = await lane.ask(chat(), token=token, path=f"/p{path}")
            assert reply.status == 401
            assert "not one of a session" in reply.json["error"]["message"]
        await lane.keeper.drop(SESSION)
        assert (await lane.ask(chat(), path=f"/p{path}")).status == 401
        assert provider.heard == []


@pytest.mark.parametrize(
    "path", ["/q/v1/chat", "/p/v2/chat", "/p/v1/../admin", "/p/v1/%2E%2e/admin", "/"]
)
async def test_no_path_leads_around_the_provider_s_base(path: str, lane: Lane):
    with says(OK) as provider:
        await lane.grant(route_to(provider))
        assert (await lane.ask(chat(), path=path)).status == 404
        assert provider.heard == []


@pytest.mark.parametrize("told", ["402 Payment Required", "429 Too Many"])
async def test_who_asks_again_is_believed_also_after_the_gateway_is_gone(
    tmp_path: Path, told: str
):
    gone = whole(told, b'{"error": {"message": "balance"}}', "Retry-After: 90000")
    with says(gone, OK) as provider:
        async with gateway_in(tmp_path) as lane:
            await lane.grant(route_to(provider))
            assert (await lane.ask(chat())).status in (402, 429)
        async with gateway_in(tmp_path) as lane:
            await lane.keeper.try_again()
            await lane.grant(route_to(provider))
            assert (await lane.ask(chat())).status == 200


async def test_a_long_retry_after_is_not_waited_for_without_end(lane: Lane):
    busy = whole("429 Too Many", b'{"error": {"message": "x"}}', "Retry-After: 100000")
    with says(busy) as provider:
        await lane.grant(route_to(provider))
        reply = await lane.ask(chat())
        assert len(provider.heard) == 1
    assert reply.status == 429
    assert reply.headers["Retry-After"] == "60"  # it asks again while it may
    (row,) = await lane.rows()
    assert row.ending in (DONE, REFUSED)
