"""What a session used: measured by the gateway, else told, never both."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.output import UsageCounted
from kimi_swarm.core.usage import (
    NOTHING_TOLD,
    Metered,
    Origin,
    Part,
    Tokens,
    Told,
    day_of,
    nano,
    unstarted,
    used,
)
from kimi_swarm.core.usage_sums import counted, summary_of

DAY = "2026-11-20"
COUNTED = UsageCounted(900, 600, 40, 5, 0.0045295, requests=3)
TOKENS = Tokens(900, 600, 40, 5)


def dear(_model: str, _day: str, tokens: Tokens) -> int | None:
    """Price every token at a thousandth of a dollar."""
    return tokens.total * 1_000_000


def only(parts: tuple[Part, ...]) -> Part:
    (part,) = parts
    return part


counts = st.integers(0, 10**9)
tokens = st.builds(lambda a, b, c, d: Tokens(a + b, b, c, d), *[counts] * 4)
told = st.builds(
    Told,
    st.none()
    | st.builds(
        lambda each, usd: UsageCounted(*each)._replace(cost_usd=usd),
        tokens,
        st.none() | st.floats(0, 100),
    ),
    st.sampled_from(["", "kimi-k3"]),
    st.integers(0, 9),
)
metered = st.builds(
    Metered,
    st.sampled_from([DAY, "2026-11-21"]),
    st.sampled_from(["kimi-k2.6", "kimi-k3"]),
    st.just("moonshot"),
    st.integers(1, 50),
    st.none() | tokens,
    st.none() | counts,
    again=st.integers(0, 3),
    held_ms=counts,
)


def test_what_a_worker_told_is_taken_as_told():
    part = only(used((), Told(COUNTED, "kimi-k3", 2), day=DAY))
    assert part == Part(
        *(DAY, "kimi-k3", "", 3, Origin.TOLD, TOKENS, Origin.TOLD),
        *(4_529_500, Origin.TOLD, 2),
    )


def test_of_a_worker_that_told_nothing_all_is_unknown():
    part = only(used((), NOTHING_TOLD, day=DAY, pricing=dear))
    assert {part.requests_from, part.tokens_from, part.usd_from} == {Origin.UNKNOWN}
    assert summary_of((part,)) is None


def test_money_that_nobody_told_is_estimated_by_the_price_of_the_tokens():
    bare = COUNTED._replace(cost_usd=None)
    part = only(used((), Told(bare, "kimi-k3"), day=DAY, pricing=dear))
    assert (part.nano_usd, part.usd_from) == (945_000_000, Origin.ESTIMATED)


def test_without_a_price_money_is_unknown_and_never_nothing():
    part = only(used((), Told(COUNTED._replace(cost_usd=None)), day=DAY))
    assert (part.nano_usd, part.usd_from) == (0, Origin.UNKNOWN)
    found = summary_of((part,))
    assert found is not None
    assert (found.cost_usd, found.cost_from) == (None, "unknown")
    assert counted(part).unknown_usd == 1


def test_a_cost_of_0_for_tokens_is_no_word_on_money():
    part = only(used((), Told(COUNTED._replace(cost_usd=0.0)), day=DAY))
    assert part.usd_from is Origin.UNKNOWN
    nothing = only(used((), Told(UsageCounted(cost_usd=0.0)), day=DAY))
    assert (nothing.nano_usd, nothing.usd_from) == (0, Origin.TOLD)


def test_the_gateway_wins_over_what_a_worker_told():
    seen = Metered(DAY, "kimi-k3", "moonshot", 4, Tokens(1000, 0, 50, 0))
    part = only(used((seen,), Told(COUNTED, "asked", 1), day=DAY, pricing=dear))
    assert (part.requests, part.tokens.total) == (4, 1050)
    assert part.tokens_from is Origin.MEASURED
    # Its own cost was for other tokens than those that were measured.
    assert (part.nano_usd, part.usd_from) == (1_050_000_000, Origin.ESTIMATED)
    assert (part.model, part.retries) == ("kimi-k3", 1)


def test_where_both_counted_the_same_the_worker_s_own_cost_is_taken():
    seen = Metered(DAY, "kimi-k3", "moonshot", 3, TOKENS)
    part = only(used((seen,), Told(COUNTED), day=DAY, pricing=dear))
    alone = only(used((), Told(COUNTED), day=DAY, pricing=dear))
    assert (part.nano_usd, part.usd_from) == (alone.nano_usd, Origin.TOLD)
    assert (part.requests, part.tokens) == (alone.requests, alone.tokens)


def test_what_the_provider_said_that_it_cost_comes_before_all_else():
    seen = Metered(DAY, "kimi-k3", "moonshot", 3, TOKENS, nano_usd=0)
    part = only(used((seen,), Told(COUNTED), day=DAY, pricing=dear))
    assert (part.nano_usd, part.usd_from) == (0, Origin.MEASURED)


def test_a_request_of_which_nobody_knows_the_tokens_is_not_hidden():
    known = Metered(DAY, "kimi-k3", "moonshot", 3, TOKENS)
    cut = Metered(DAY, "kimi-k3", "moonshot", 1)
    parts = used((known, cut), NOTHING_TOLD, day=DAY, pricing=dear)
    found = summary_of(parts)
    assert found is not None
    assert (found.requests, found.input_tokens) == (4, 900)
    assert (found.tokens_from, found.cost_from) == ("unknown", "unknown")


@given(st.lists(metered, max_size=5), told)
def test_measured_and_told_are_never_counted_together(seen: list[Metered], said: Told):
    parts = used(seen, said, day=DAY, pricing=dear)
    requests = sum(part.requests for part in parts)
    total = sum(part.tokens.total for part in parts)
    if seen:
        assert requests == sum(each.requests for each in seen)
        assert total == sum(each.tokens.total for each in seen if each.tokens)
    else:
        assert total == (Tokens(*said.counted[:4]).total if said.counted else 0)
    assert all(part.nano_usd >= 0 for part in parts)
    for part in parts:
        assert part.usd_from is not Origin.UNKNOWN or part.nano_usd == 0


@given(st.lists(tokens, min_size=1, max_size=5), st.floats(0.000001, 1000))
def test_a_cost_that_is_shared_out_loses_nothing(each: list[Tokens], usd: float):
    seen = [Metered(DAY, f"m{n}", "p", 1, one) for n, one in enumerate(each)]
    all_of_it = Tokens(*map(sum, zip(*each, strict=True)))
    said = Told(UsageCounted(*all_of_it)._replace(cost_usd=usd))
    parts = used(seen, said, day=DAY)
    assert sum(part.nano_usd for part in parts) == nano(usd)


def test_a_worker_that_never_started_used_nothing_for_sure():
    totals = counted(unstarted(DAY))
    assert (totals.unknown_tokens, totals.unknown_usd, totals.tokens) == (0, 0, 0)


def test_a_day_is_that_of_utc():
    assert day_of(0.0) == "1970-01-01"
    assert day_of(86_399.9) == "1970-01-01"
    assert day_of(86_400.0) == "1970-01-02"
