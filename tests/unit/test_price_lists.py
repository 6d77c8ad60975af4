"""Prices as people write them, and which of them counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from kimi_swarm.core.prices import Prices
from kimi_swarm.core.usage import Tokens
from kimi_swarm.price_lists import PricesError, load_prices, standard_prices

DAY = "2026-11-20"
MILLION = 1_000_000
STANDARD = Prices((), standard_prices())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "kimi-swarm"
    folder.mkdir()
    return folder / "prices.yaml"


@pytest.mark.parametrize(
    ("model", "nano_usd"),
    [
        ("kimi-k2.5", 0.6 + 3),
        ("moonshotai/kimi-k2.6", 0.8 + 3.4),
        ("kilo/moonshotai/kimi-k2.6", 0.8 + 3.4),
        ("kimi-k2.6", 0.95 + 4),
        ("z-ai/glm-5.2:free", 0),
        ("kilo-auto/free", 0),
        ("demo", 0),
    ],
)
def test_a_million_tokens_in_and_out_cost_what_the_list_says(
    model: str, nano_usd: float
):
    used = Tokens(input=MILLION, output=MILLION)
    assert STANDARD.cost(model, DAY, used) == round(nano_usd * 10**9)


@pytest.mark.parametrize("model", ["", "kimi-k2.5:cloud", "something-else", "free"])
def test_a_model_that_no_line_names_has_no_price(model: str):
    assert STANDARD.cost(model, DAY, Tokens(MILLION)) is None


def test_a_price_does_not_hold_before_its_day():
    assert STANDARD.cost("kimi-k2.5", "2026-10-31", Tokens(1)) is None


def test_cached_input_is_cheaper_and_reasoning_is_output():
    used = Tokens(input=MILLION, cached=MILLION, output=0, reasoning=MILLION)
    assert STANDARD.cost("kimi-k2.5", DAY, used) == round((0.1 + 3) * 10**9)


def test_a_price_of_one_s_own_wins_however_old_it_is(own: Path):
    own.write_text(
        'prices: [{model: "kimi-*", since: "2020-01-01", input: 7, output: 8}]'
    )
    prices = load_prices()
    assert prices.cost("kimi-k2.5", DAY, Tokens(MILLION)) == 7 * 10**9
    assert prices.cost("demo", DAY, Tokens(MILLION)) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prices: 3", "prices"),
        ("prices: [{model: m, since: yesterday, input: 1, output: 1}]", "since"),
        ('prices: [{model: m, since: "2026-1-1", input: 1, output: 1}]', "since"),
        ('prices: [{model: m, since: "2026-01-01", input: -1, output: 1}]', "input"),
        ('prices: [{model: m, since: "2026-01-01", input: 1}]', "output"),
        ("price: []", "price"),
    ],
)
def test_a_price_that_is_none_is_refused_with_its_place(
    own: Path, text: str, says: str
):
    own.write_text(text)
    with pytest.raises(PricesError, match=says) as caught:
        load_prices()
    assert "Traceback" not in str(caught.value)
