"""What of a request's head goes on, and what stays where it is."""

from __future__ import annotations

import json

import pytest

from kimi_swarm.lanes.gateway.grant import (
    Grant,
    Route,
    grant_from_dict,
    grant_to_dict,
    with_known_keys,
)
from kimi_swarm.lanes.gateway.headers import downward, token_in, upward
from kimi_swarm.lanes.gateway.refusal import UNKNOWN_TOKEN, body_of, budget_gone
from kimi_swarm.lanes.gateway.token import session_token

ROUTE = Route("moon", "https://moon.example", "/v1", "the-key")


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("Authorization", "Bearer token", "Bearer real"),
        ("authorization", "bearer token", "Bearer real"),
        ("x-api-key", "token", "real"),
        ("X-Goog-Api-Key", "token", "real"),
    ],
)
def test_the_real_key_takes_the_token_s_place(name: str, value: str, sent: str):
    assert token_in({name.lower(): value}) == "token"
    assert (name, sent) in upward([(name, value)], "real")


def test_a_provider_without_a_key_gets_none():
    assert upward([("Authorization", "Bearer token")], None) == [
        ("Accept-Encoding", "identity")
    ]


def test_what_speaks_of_one_connection_stays_on_it():
    head = [
        ("Connection", "keep-alive, X-Mine"),
        ("X-Mine", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Host", "127.0.0.1:1"),
        ("Content-Length", "3"),
        ("X-Stainless-Retry-Count", "1"),
    ]
    assert upward(head, None)[1:] == [("X-Stainless-Retry-Count", "1")]
    kept = downward(head, keeps_length=True, unix_s=0.0)
    assert [name for name, _ in kept] == [
        "Host",
        "Content-Length",
        "X-Stainless-Retry-Count",
    ]
    assert "Content-Length" not in dict(downward(head, keeps_length=False, unix_s=0.0))


def test_a_session_s_token_is_its_own_and_comes_again():
    assert session_token(b"s", "a-b/x") == session_token(b"s", "a-b/x")
    others = {
        session_token(b"s", "a-b/y"),
        session_token(b"t", "a-b/x"),
        session_token(b"s", "a-b/x"),
    }
    assert len(others) == 3


def test_a_grant_travels_whole_and_shows_no_secret():
    grant = Grant("a-b/x", "the-token", "/l", (ROUTE,))
    assert grant_from_dict(json.loads(json.dumps(grant_to_dict(grant)))) == grant
    assert "the-key" not in repr(grant)
    assert "the-token" not in repr(grant)


def test_a_key_that_is_not_told_again_stays_but_goes_nowhere_else():
    known = Grant("a-b/x", "t", "/l", (ROUTE,))
    same = known._replace(routes=(ROUTE._replace(key=None),))
    other = known._replace(
        routes=(ROUTE._replace(key=None, origin="https://elsewhere.example"),)
    )
    assert with_known_keys(same, known).routes[0].key == "the-key"
    assert with_known_keys(other, known).routes[0].key is None
    assert with_known_keys(same, None) == same


def test_a_refusal_has_the_shape_of_the_provider_that_is_asked():
    chat = json.loads(body_of(UNKNOWN_TOKEN, "/v1/chat/completions"))
    assert chat["error"]["type"] == "authentication_error"
    messages = json.loads(body_of(budget_gone("2 of 2 USD."), "/v1/messages?beta=true"))
    assert messages["type"] == "error"
    assert "budget: 2 of 2 USD." in messages["error"]["message"]


@pytest.mark.parametrize(
    "head",
    [
        {"retry-after": "100000"},
        {"Retry-After": "5", "Retry-After-Ms": "9000000"},
        {"Retry-After": "Thu, 01 Jan 1970 10:00:00 GMT"},
    ],
)
def test_no_worker_is_told_to_sleep_past_its_time(head: dict[str, str]):
    kept = downward([*head.items(), ("X", "y")], keeps_length=True, unix_s=0.0)
    assert kept == [("X", "y"), ("Retry-After", "60")]


def test_a_short_wait_is_told_as_it_was():
    head = [("Retry-After", "12"), ("Retry-After-Ms", "12000")]
    assert downward(head, keeps_length=True, unix_s=0.0) == head
