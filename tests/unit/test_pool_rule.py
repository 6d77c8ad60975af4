"""Which pools a request draws on."""

from __future__ import annotations

import json

import pytest

from kimi_swarm.config import load_manifest
from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.pool_rule import PoolRule, pools_of, rule_from_data, rule_to_data
from kimi_swarm.core.pool_words import bears, by_gateway, by_session
from kimi_swarm.core.pool_written import PoolEntry


def rule(url: str = "", *models: str, name: str = "one") -> PoolRule:
    return PoolRule(name, PoolLimits(), url, models)


@pytest.mark.parametrize(
    ("written", "url", "is_covered"),
    [
        ("api.a.test", "https://api.a.test/v1", True),
        ("https://api.a.test/v1", "https://api.a.test/v1", True),
        ("api.a.test/v1/", "https://api.a.test/v1/x", True),
        ("api.a.test/v1", "https://api.a.test/v10", False),
        ("a.test", "https://api.a.test", False),
        ("*.a.test", "https://api.a.test", True),
        ("API.a.test", "https://api.A.test", True),
        ("api.a.test", "http://api.a.test:81/v1", True),
        ("api.a.test:82", "http://api.a.test:81/v1", False),
        ("", "http://b.test", True),
    ],
)
def test_a_pool_covers_its_host_and_what_is_below_its_path(
    written: str, url: str, *, is_covered: bool
):
    assert rule(written).covers(url, "any") is is_covered


def test_a_pool_of_models_covers_these_alone():
    free = rule("a.test", "*:free", "auto/free")
    assert free.covers("https://a.test", "z-ai/glm:free")
    assert free.covers("https://a.test", "auto/free")
    assert not free.covers("https://a.test", "z-ai/glm")
    assert not free.covers("https://b.test", "z-ai/glm:free")


def test_a_request_draws_on_all_pools_that_cover_it_else_on_its_host_s():
    rules = (rule("a.test", name="all"), rule("a.test", "*:free", name="free"))
    at = "https://a.test/v1"
    assert pools_of(rules, at, "x:free", otherwise="a.test") == ("all", "free")
    assert pools_of(rules, at, "x", otherwise="a.test") == ("all",)
    assert pools_of(rules, "https://b.test", "x", otherwise="b.test") == ("b.test",)
    assert pools_of((), at, "x", otherwise="") == ()


def test_a_rule_travels_as_json():
    entry = PoolEntry(url="a.test", models=("x",), concurrency=2, requests_per_hour=200)
    written = entry.rule("narrow")
    assert rule_from_data(json.loads(json.dumps(rule_to_data(written)))) == written


def test_what_the_package_says_of_providers_has_a_day_and_a_source():
    pools = load_manifest().pools
    assert pools["kilo-free"].requests_per_hour == 200
    assert all(entry.published and entry.source for entry in pools.values())


def test_limits_are_said_in_words():
    entry = PoolEntry(
        url="a.test", concurrency=1, requests_per_minute=3, start_spacing_s=2
    )
    moon = entry.rule("moon")
    assert bears(moon) == "1 at once, 3 requests a minute, starts 2.0s apart"
    assert by_gateway((moon,), ()).startswith("held per request by the gateway (moon:")
    assert "a.test, as it is found by trying" in by_gateway((), ["a.test"])
    assert by_session((moon,)).startswith(
        "held per session only (moon: 1 at once, starts 2.0s apart)"
    )
    assert by_session(()) == "held per session only."
