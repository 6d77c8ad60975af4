"""What a person says that a provider bears is kept by all workers together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from fakes.gateway import KEY
from fakes.model_users import ask, requests_in, teach_to_ask, teach_to_pay
from fakes.raw_provider import STREAM_HEAD, Heard, RawProvider, Say, chunk, whole
from fakes.scripted_model import Limits, ScriptedModel
from fakes.swarm import Swarm, until

SERVED = b"".join(
    (
        *(STREAM_HEAD, chunk(b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\n')),
        *(chunk(b"data: [DONE]\n\n"), chunk(b"")),
    )
)


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(Limits(api_key=KEY)) as served:
        yield served


def place(model: ScriptedModel) -> str:
    return f"127.0.0.1:{model.port}"


def crowd(count: int, prompt: str = "FAULT slow5", **fields: Any) -> dict[str, Any]:
    return {f"t{number}": ask(prompt, **fields) for number in range(count)}


def outcomes(sessions: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["outcome"], one["reason"]) for one in sessions.values()}


def test_as_many_at_once_as_were_said_and_nobody_is_refused(
    swarm: Swarm, model: ScriptedModel
):
    model.limits = Limits(api_key=KEY, max_concurrency=2)
    swarm.own_config(pools={"narrow": {"url": place(model), "concurrency": 2}})
    teach_to_ask(swarm, model, questions=2)
    run = swarm.spawn(crowd(8), limits={"concurrency": 8})
    assert outcomes(swarm.ended(run)) == {("succeeded", "answer")}
    assert not model.breaches
    assert model.peak_in_flight == 2


def test_as_many_in_a_time_as_were_said_and_nobody_is_refused(
    swarm: Swarm, model: ScriptedModel
):
    model.limits = Limits(api_key=KEY, rpm=6, window_s=1.0)
    swarm.own_config(pools={"slow": {"url": model.url, "requests_per_second": 6}})
    teach_to_ask(swarm, model, questions=4)
    run = swarm.spawn(crowd(4, "Go"), limits={"concurrency": 4})
    assert outcomes(swarm.ended(run)) == {("succeeded", "answer")}
    assert not model.breaches
    assert model.count_by_status() == {"200": 16}


def test_limits_of_another_model_hold_nobody_up(swarm: Swarm, model: ScriptedModel):
    pool = {"url": place(model), "models": ["another-*"], "concurrency": 1}
    swarm.own_config(pools={"narrow": pool})
    teach_to_ask(swarm, model)
    run = swarm.spawn(crowd(3), limits={"concurrency": 3})
    assert outcomes(swarm.ended(run)) == {("succeeded", "answer")}
    assert model.peak_in_flight > 1


def test_limits_that_are_written_anew_hold_from_the_next_spawn(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.own_config(pools={"narrow": {"url": place(model), "concurrency": 4}})
    swarm.ended(swarm.spawn(crowd(4), limits={"concurrency": 4}))
    swarm.own_config(pools={"narrow": {"url": place(model), "concurrency": 1}})
    model.limits = Limits(api_key=KEY, max_concurrency=1)
    run = swarm.spawn(crowd(4), limits={"concurrency": 4})
    assert outcomes(swarm.ended(run)) == {("succeeded", "answer")}
    assert not model.breaches


def test_a_pool_of_one_is_used_by_one_session_after_the_other(
    swarm: Swarm, model: ScriptedModel
):
    """Nobody said so: it is learnt from the first refusals."""
    model.limits = Limits(api_key=KEY, max_concurrency=1)
    teach_to_ask(swarm, model, questions=3)
    run = swarm.spawn(crowd(8), limits={"concurrency": 4})
    sessions = swarm.ended(run)
    assert outcomes(sessions) == {("succeeded", "answer")}
    late = sorted(sessions.values(), key=lambda one: one["started_at"])[5:]
    assert len(late) == 3
    for before, after in pairwise(late):
        assert before["ended_at"] <= after["started_at"]


def test_a_quota_that_is_gone_ends_what_waits_with_a_clear_word(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    tasks = crowd(12, "FAULT 402x20")
    run = swarm.spawn(tasks, limits={"concurrency": 2})
    sessions = swarm.ended(run)
    assert outcomes(sessions) == {("failed", "quota"), ("cancelled", "quota")}
    cancelled = [one for one in sessions.values() if one["outcome"] == "cancelled"]
    assert len(cancelled) >= 8
    assert "Your balance is insufficient" in cancelled[0]["message"]
    assert cancelled[0]["message"].startswith(f"The quota of {place(model)} is used")
    assert len(model.requests) <= 4


def test_a_quota_that_is_gone_is_that_of_one_account(swarm: Swarm):
    """Two keys at one provider: the money of one is gone."""
    said = {"choices": [{"delta": {"content": "hi"}}]}
    stream = chunk(f"data: {json.dumps(said)}\n\ndata: [DONE]\n\n".encode()) + chunk(
        b""
    )
    gone = b'{"error": {"message": "Insufficient balance"}}'

    def answer(heard: Heard, say: Say) -> None:
        is_poor = "poor" in (heard.header("authorization") or "")
        say(whole("402 Payment", gone) if is_poor else STREAM_HEAD + stream)

    with RawProvider(answer) as provider:
        teach_to_ask(swarm, provider.origin)
        teach_to_pay(swarm, "poor", "POOR_KEY", "the-poor-key")
        teach_to_pay(swarm, "rich", "RICH_KEY", "the-rich-key")
        tasks = {
            f"{name}{number}": ask("Go", profile=name)
            for name in ("poor", "rich")
            for number in range(3)
        }
        sessions = swarm.ended(swarm.spawn(tasks, limits={"concurrency": 1}))
    found = {name: (one["outcome"], one["reason"]) for name, one in sessions.items()}
    assert found == {
        "poor0": ("failed", "quota"),
        "poor1": ("cancelled", "quota"),
        "poor2": ("cancelled", "quota"),
        "rich0": ("succeeded", "answer"),
        "rich1": ("succeeded", "answer"),
        "rich2": ("succeeded", "answer"),
    }


def test_a_provider_that_says_to_wait_for_a_day_is_told_and_tried_again_when_asked(
    swarm: Swarm,
):
    """Only the first try is started: who is queued again waits for the provider."""
    said = b'{"error": {"message": "Slow down", "type": "rate_limit_error"}}'
    busy = whole("429 Too Many Requests", said, "Retry-After: 86400")
    answers = [busy]

    def answer(_: Heard, say: Say) -> None:
        say(answers[-1])

    with RawProvider(answer) as provider:
        teach_to_ask(swarm, provider)
        run = swarm.spawn(crowd(1, "Go", retries=1))
        done = swarm.call("wait", run, code=1).out
        where = provider.origin.removeprefix("http://")
        assert f"{run} held: pool {where} sends nothing until " in done
        assert 'the provider says: "Slow down"' in done
        assert f"resume {run}" in done
        listed = swarm.call("list", run).out
        assert f"; pool {where} sends nothing until" in listed
        note = f"Note: Pool {where} sends nothing until "
        until(lambda: note in swarm.call("doctor").out)  # the gateway's file follows
        states = [one["reason"] for one in swarm.ask("list", run)["sessions"]]
        assert states == ["rate_limit", None]
        answers.append(SERVED)
        resumed = swarm.call("resume", run).out
        assert resumed.startswith(f"{run} is running: 0 at work, 1 waiting.\n")
        assert outcomes(swarm.ended(run)) == {("succeeded", "answer")}


def test_a_person_who_retries_is_believed_that_there_is_quota(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    run = swarm.spawn(crowd(6, "FAULT 402x1"), limits={"concurrency": 1})
    assert outcomes(swarm.ended(run)) == {("failed", "quota"), ("cancelled", "quota")}
    swarm.call("retry", run)
    assert outcomes(swarm.ended(run)) == {("succeeded", "answer")}


def test_a_plan_says_by_what_its_workers_are_held(swarm: Swarm, model: ScriptedModel):
    terms = {"url": place(model), "concurrency": 3, "requests_per_minute": 30}
    swarm.own_config(pools={"moon": terms})
    teach_to_ask(swarm, model)
    plan = swarm.plan(crowd(1))
    told = swarm.call("plan", plan).out
    assert (
        "Provider's limits (asker): held per request by the gateway (moon: 3 at once, "
        "30 requests a minute)." in told
    )
    words = "its provider's limits: held per request by the gateway (moon: 3 at once, 3"
    assert words in swarm.call("doctor").out
    del swarm.env["MODEL_KEY"]
    assert "Provider's limits (asker): held per session only" in (
        swarm.call("plan", plan).out
    )


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"concurrency": 0, "url": "a.test"}, "pools.narrow.concurrency"),
        ({"concurrency": 1}, "say what draws on it"),
        ({"url": "ftp://a.test"}, "is no address of a provider"),
        ({"url": "a.test", "requests_a_week": 3}, "requests_a_week"),
        ({"url": "a.test", "published": "lately"}, "write a day as"),
    ],
)
def test_what_no_pool_can_be_is_refused_in_a_sentence(
    swarm: Swarm, terms: dict[str, Any], sentence: str
):
    swarm.own_config(pools={"narrow": terms})
    done = swarm.call("doctor", code=2)
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_held_request_counts_for_its_own_session(swarm: Swarm, model: ScriptedModel):
    swarm.own_config(pools={"slow": {"url": model.url, "requests_per_second": 1}})
    teach_to_ask(swarm, model, questions=2)
    done = swarm.ended(swarm.spawn(crowd(1, "Go")))["t0"]
    first, second = requests_in(swarm, done["id"])
    assert first.held_s < second.held_s
