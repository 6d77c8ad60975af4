"""A worker's variables become ones that lead to the gateway, and hold no key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kimi_swarm.core.task import GatewayTerms
from kimi_swarm.lanes.gateway.way_out import proxy_for
from kimi_swarm.workers.gated import Provider, led_through, providers_in

KEY = "the-real-key"
BY_VARIABLES = GatewayTerms(
    url_env="URL",
    key_env="KEY",
    kind_env="KIND",
    default_urls={"": "https://moon.example/v1", "other": "https://o.example"},
    env_set={"PATIENCE": "10"},
)
BY_DOCUMENT = GatewayTerms(content_env="CONTENT", file_env="FILE")


def document(**options: Any) -> dict[str, Any]:
    provider = {"npm": "x", "options": {"timeout": 5, **options}}
    return {"provider": {"mine": provider, "built-in": {}}, "model": "mine/k"}


def led(terms: GatewayTerms, env: dict[str, str], text: str | None = None) -> Any:
    providers = providers_in(terms, env, text)
    assert providers
    return led_through(
        *(terms, env, text, providers, lambda one: f"http://gate/{one.name}", "token")
    )


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({"KEY": KEY}, "https://moon.example/v1"),
        ({"KEY": KEY, "KIND": "Other"}, "https://o.example"),
        ({"KEY": KEY, "URL": "http://127.0.0.1:1/v1"}, "http://127.0.0.1:1/v1"),
    ],
)
def test_a_provider_is_found_in_two_variables(env: dict[str, str], url: str):
    assert providers_in(BY_VARIABLES, env, None) == (
        Provider("provider", url, KEY, ("KEY",)),
    )


@pytest.mark.parametrize(
    "env",
    [{}, {"URL": "https://a.example"}, {"KEY": KEY, "KIND": "new"}, {"KEY": " "}],
)
def test_who_logs_in_by_itself_is_left_alone(env: dict[str, str]):
    assert providers_in(BY_VARIABLES, env, None) == ()


def test_two_variables_lead_to_the_gateway_with_a_token():
    env = {"KEY": KEY, "URL": "https://a.example", "ALSO": f"x {KEY}", "PATIENCE": "4"}
    assert led(BY_VARIABLES, env) == {
        "KEY": "token",
        "URL": "http://gate/provider",
        "ALSO": "x token",
        "PATIENCE": "10",
    }


def test_a_document_leads_to_the_gateway_and_is_else_as_it_was():
    text = json.dumps(document(baseURL="https://a.example/v1", apiKey="{env:MOON}"))
    env = {"FILE": "/kilo.json", "MOON": KEY, "PATH": "/bin"}
    (provider,) = providers_in(BY_DOCUMENT, env, text)
    assert provider == Provider("mine", "https://a.example/v1", KEY, ("MOON",))
    after = led(BY_DOCUMENT, env, text)
    content = json.loads(after.pop("CONTENT"))
    assert content == document(baseURL="http://gate/mine", apiKey="token")
    assert after == {"PATH": "/bin"}


def test_the_variable_s_document_is_laid_over_the_file_s():
    text = json.dumps(document(baseURL="https://a.example", apiKey=KEY))
    over = {"provider": {"mine": {"options": {"baseURL": "https://b.example"}}}}
    env = {"CONTENT": json.dumps(over)}
    (provider,) = providers_in(BY_DOCUMENT, env, text)
    assert (provider.url, provider.key) == ("https://b.example", KEY)
    assert KEY not in led(BY_DOCUMENT, env, text)["CONTENT"]


def test_a_provider_without_a_key_goes_through_as_well():
    text = json.dumps(document(baseURL="http://127.0.0.1:11434/v1"))
    (provider,) = providers_in(BY_DOCUMENT, {}, text)
    assert provider.key is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        '{"provider": []}',
        '{"provider": {"mine": {"options": {"baseURL": "file:///x"}}}}',
        '{"provider": {"mine": {"options": {"baseURL": "https://a/", "apiKey": 7}}}}',
        json.dumps(document(baseURL="https://a.example", apiKey="{file:./key}")),
        '{"provider": {"a/b": {"options": {"baseURL": "https://a.example"}}}}',
        '// a comment\n{"provider": {}}',
    ],
)
def test_settings_that_cannot_be_carried_over_are_left_alone(text: str | None):
    assert providers_in(BY_DOCUMENT, {"FILE": "/x"}, text) == ()


@pytest.mark.parametrize(
    ("told", "after"),
    [(None, "127.0.0.1"), ("a.example", "a.example,127.0.0.1"), ("*", "*")],
)
def test_a_worker_s_proxy_is_not_asked_for_loopback(told: str | None, after: str):
    env = {"KEY": KEY, "https_proxy": "http://p.example"}
    if told is not None:
        env["no_proxy"] = told
    assert led(BY_VARIABLES, env)["NO_PROXY"] == after
    assert "NO_PROXY" not in led(BY_VARIABLES, {"KEY": KEY})


def test_no_key_shows_where_a_provider_is_shown():
    assert KEY not in repr(Provider("a", "https://a.example", KEY))


@pytest.mark.parametrize(
    ("origin", "env", "proxy"),
    [
        ("https://a.example", {}, None),
        ("https://a.example", {"HTTPS_PROXY": "http://p"}, "http://p"),
        ("https://a.example", {"http_proxy": "http://p"}, None),
        ("http://a.example", {"ALL_PROXY": "http://p"}, "http://p"),
        (
            "https://x.a.example",
            {"HTTPS_PROXY": "http://p", "NO_PROXY": ".a.example"},
            None,
        ),
        (
            "https://a.example",
            {"HTTPS_PROXY": "http://p", "no_proxy": "b, A.example"},
            None,
        ),
        (
            "https://aa.example",
            {"HTTPS_PROXY": "http://p", "no_proxy": "a.example"},
            "http://p",
        ),
        ("http://a:81", {"http_proxy": "http://p", "no_proxy": "a:80"}, "http://p"),
        ("http://a:80", {"http_proxy": "http://p", "no_proxy": "a:80"}, None),
        ("http://a", {"http_proxy": "http://p", "no_proxy": "*"}, None),
    ],
)
def test_a_provider_is_reached_as_the_worker_would(
    origin: str, env: dict[str, str], proxy: str | None
):
    assert proxy_for(origin, env) == proxy
