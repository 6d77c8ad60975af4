"""stats: what was used and what it cost, the same wherever it is told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fakes.swarm import Swarm, worker

STEP = {"input_tokens": 900, "cached_tokens": 600, "output_tokens": 40, "requests": 2}
PAID = {**STEP, "cost_usd": 0.0125}
PRICED = {**STEP, "model": "kimi-k2.5"}
ABOUT_USD = round((300 * 0.6 + 600 * 0.1 + 40 * 3) / 10**6, 6)
FAILS = {**PAID, "fails": True}


@pytest.fixture
def teller(swarm: Swarm) -> Swarm:
    for name in ("teller", "other"):
        swarm.teach(name, worker("tells_usage.py"), expect="exit")
    return swarm


def telling(*steps: dict[str, Any], profile: str = "teller", **more: Any) -> Any:
    prompt = "\n".join(["Tell this:", *map(json.dumps, steps)])
    return {"profile": profile, "workspace": "none", "prompt": prompt, **more}


def spent(teller: Swarm) -> str:
    """Live a run of which every way of knowing is a part."""
    run = teller.spawn(
        {
            "paid": telling(PAID, PAID),
            "priced": telling(PRICED, profile="other"),
            "silent": telling(),
            "failed": telling(FAILS, retries=0),
            "never": telling(PAID, needs=["failed"]),
        }
    )
    teller.ended(run)
    return run


def test_a_run_s_sums_are_told_with_how_they_are_known(teller: Swarm):
    run = spent(teller)
    told = teller.ask("stats", run)
    assert told["outcomes"] == {"succeeded": 3, "failed": 1, "cancelled": 1}
    assert (told["requests"], told["input_tokens"]) == (8, 3600)
    assert (told["cached_tokens"], told["output_tokens"]) == (2400, 160)
    assert told["told"] == {"tokens": 3760, "cost_usd": 0.0375}
    assert told["estimated"] == {"tokens": 0, "cost_usd": ABOUT_USD}
    assert told["measured"] == {"tokens": 0, "cost_usd": 0.0}
    assert told["unknown"] == {"requests": 1, "tokens": 1, "cost_usd": 1}
    assert told["cost_usd"] == pytest.approx(0.0375 + ABOUT_USD)
    assert told["cost_per_success_usd"] == pytest.approx(told["cost_usd"] / 3, abs=1e-6)


def test_what_nobody_knows_is_no_nothing_in_tables(teller: Swarm):
    run = spent(teller)
    teller.ended(teller.spawn({"a": telling(profile="other")}))
    lines = teller.call("stats", run, "--by", "profile").lines
    head, *rows = [re.split(r"  +", line) for line in lines if "  " in line]
    cells = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    of_teller, of_other = cells["teller"], cells["other"]
    assert (of_teller["requests"], of_teller["cost"]) == ("6+", "$0.0375+")
    assert (of_teller["tokens in"], of_teller["out"]) == ("2.7k+", "120+")
    assert (of_other["requests"], of_other["tokens in"]) == ("2", "900")
    assert of_other["cost"] == "about $0.0004"


def test_a_group_of_which_nobody_knows_anything_shows_question_marks(teller: Swarm):
    run = teller.spawn({"silent": telling()})
    teller.ended(run)
    shown = teller.call("stats", run, "--by", "profile").lines
    assert shown[-1].split() == ["teller", "1", "1", "?", "?", "?", "?", "?"]
    assert "Requests unknown, tokens unknown; cost unknown." in shown
    assert teller.ask("stats", run)["cost_usd"] is None


def test_what_costs_nothing_for_sure_is_no_unknown(teller: Swarm):
    free = {"argv": ["true"], "profile": "command", "workspace": "none"}
    run = teller.spawn({"free": free, "silent": telling()})
    teller.ended(run)
    told = teller.call("stats", run).lines
    amounts = "At least 0 requests, at least 0 tokens in, 0 out"
    assert f"{amounts}; at least $0 (1 unknown)." in told
    assert teller.ask("stats", run)["cost_usd"] == 0


def test_tokens_and_money_are_named_by_their_own_origins(teller: Swarm):
    run = teller.spawn({"priced": telling(PRICED)})
    teller.ended(run)
    known = "Known how: tokens 940 told by workers; money $0.0004 estimated."
    assert known in teller.call("stats", run).lines


def test_a_session_that_ran_and_told_nothing_is_told_from_one_that_never_ran(
    teller: Swarm,
):
    run = spent(teller)
    told = teller.ended(run)
    origins = ("requests_from", "tokens_from", "cost_from")
    assert [told["silent"]["usage"][name] for name in origins] == ["unknown"] * 3
    assert told["silent"]["usage"]["cost_usd"] is None
    assert told["never"]["usage"] is None
    report = teller.ask("aggregate", run, code=1)["tasks"]
    assert {one["task"]: one["usage"] for one in report} == {
        name: one["usage"] for name, one in told.items()
    }


def test_list_wait_and_the_report_tell_what_stats_tells(teller: Swarm):
    run = spent(teller)
    told = teller.ask("stats", run)
    sums = {name: told[name] for name in told if name not in ("run", "by", "since")}
    for words, code in (
        (["list", run], 0),
        (["wait", run], 1),
        (["aggregate", run], 1),
    ):
        answer = teller.ask(*words, code=code)
        assert {**answer["usage"], "version": 1} == sums
    cost = "at least 3.8k tokens and $0.0379 (1 unknown)"
    assert cost in teller.call("list", run).lines[0]
    assert cost.partition(" (")[0] in teller.call("wait", run, code=1).out
    report = teller.call("aggregate", run, code=1).lines
    assert cost in report[0]
    assert any(line.endswith("1.9k tokens, $0.0250") for line in report)
    assert any(line.endswith("940 tokens, about $0.0004") for line in report)


@pytest.mark.parametrize("by", ["run", "profile", "model", "day"])
def test_groups_and_the_others_add_up_to_the_whole(teller: Swarm, by: str):
    spent(teller)
    spent(teller)
    asked = ["stats", "--by", by]
    for words in (["--limit", "1"], ["--since", "1d"], []):
        told = teller.ask(*asked, *words)
        groups = [*told["groups"], *([told["others"]] if told["others"] else [])]
        assert sum(one["sessions"] for one in groups) == told["sessions"] == 10
        assert sum(one["input_tokens"] for one in groups) == told["input_tokens"]
        cost = sum(one["cost_usd"] or 0 for one in groups)
        assert cost == pytest.approx(told["cost_usd"], abs=1e-5)
    named = {one[by] for one in teller.ask(*asked)["groups"]}
    expected = {"profile": {"teller", "other"}, "model": {"kimi-k2.5", None}}
    assert named == expected.get(by, named)


def test_what_was_spent_is_not_forgotten_with_the_run(teller: Swarm):
    run = spent(teller)
    before = teller.ask("stats")
    teller.call("clear", run)
    assert teller.ask("stats") == before
    lines = teller.call("stats", "--by", "run").lines
    assert lines[-1].startswith("(others)")


def test_a_retry_is_counted_beside_what_it_repeats(teller: Swarm):
    run = spent(teller)
    teller.call("retry", f"{run}/failed")
    teller.ended(run)
    told = teller.ask("stats", run)
    assert told["outcomes"]["failed"] == 2
    assert told["told"]["cost_usd"] == 0.05
    assert teller.ask("aggregate", run, code=1)["usage"]["cost_usd"] == told["cost_usd"]


def test_a_price_of_one_s_own_is_used(teller: Swarm):
    folder = teller.folder / "home" / ".config" / "kimi-swarm"
    line = {"model": "kimi-*", "since": "2020-01-01", "input": 10, "output": 0}
    (folder / "prices.yaml").write_text(json.dumps({"prices": [line]}), "utf-8")
    one = teller.ended(teller.spawn({"a": telling(PRICED)}))["a"]
    assert one["usage"]["cost_usd"] == pytest.approx(0.009)
    assert (one["usage"]["model"], one["usage"]["cost_from"]) == (
        "kimi-k2.5",
        "estimated",
    )


def test_prices_that_are_none_are_refused_before_anything_starts(teller: Swarm):
    folder = teller.folder / "home" / ".config" / "kimi-swarm"
    (folder / "prices.yaml").write_text('prices: [{model: "*"}]', "utf-8")
    refused = teller.ask("spawn", teller.plan({"a": telling()}), code=2)["error"]
    assert refused["code"] == "prices"
    assert "prices[0]" in refused["message"]
    assert teller.ask("list")["runs"] == []


def test_sessions_at_work_are_counted_as_such(swarm: Swarm):
    swarm.impatient_commands()
    task = {"profile": "command", "argv": ["sleep", "600"], "workspace": "none"}
    run = swarm.spawn({"a": task})
    swarm.until_state(f"{run}/a", "running")
    assert swarm.ask("stats", run)["outcomes"] == {"live": 1}
    for by in ("run", "profile", "day"):
        assert swarm.ask("stats", "--by", by)["groups"][0]["outcomes"] == {"live": 1}
    assert "1 at work" in swarm.call("stats").out
    swarm.call("kill", run)
    assert swarm.ask("stats", run)["outcomes"] == {"cancelled": 1}


def test_before_anything_was_spawned_there_is_nothing_to_tell(swarm: Swarm):
    assert swarm.call("stats").out == "All runs: no sessions.\n"
    assert swarm.ask("stats", "--by", "model")["groups"] == []
    assert swarm.ask("stats", "calm-river", code=2)["error"]["code"] == "unknown_run"


@pytest.mark.parametrize(
    "day", ["yesterday", "7h", "2026-13-01", "-1d", "2026-1-1", ""]
)
def test_what_is_no_day_is_refused(swarm: Swarm, day: str):
    refused = swarm.ask("stats", f"--since={day}", code=2)["error"]
    assert day in refused["message"]


def test_what_would_be_ignored_is_refused_in_a_sentence(swarm: Swarm):
    limited = swarm.ask("stats", "--limit", "1", code=2)["error"]
    assert limited["message"] == "`limit` is for `by`: it says how many groups to show."
    dashed = swarm.ask("stats", "--since", "-1d", code=2)["error"]
    assert dashed["message"] == (
        "stats: --since takes a value; one that begins with a dash is written"
        " --since=VALUE."
    )


def test_how_fast_it_goes_and_how_long_the_budgets_last_is_told(teller: Swarm):
    teller.own_config(budgets={"month": {"usd": 10}})
    run = teller.spawn({"paid": telling(PAID), "other": telling(PAID)})
    teller.ended(run)
    assert "A day:" not in teller.call("stats").out, "half a day says nothing"
    teller.sql("UPDATE spent SET day = date(day, '-2 days')")

    told = teller.ask("stats")["burning"]
    text = teller.call("stats").out

    assert told["days"] == 2
    assert told["usd_per_day"] == pytest.approx(0.0125)
    assert told["tokens_per_day"] == 940
    (month,) = told["budgets"]
    assert (month["period"], month["good"], month["most"]) == ("month", "usd", 10)
    assert month["days_left"] == pytest.approx((10 - month["spent"]) / 0.0125)
    assert "A day: $0.0125, 940 tokens (mean of 2)." in text
    assert "This month: " in text
    assert "of $10.00 spent; the rest lasts" in text
    assert "burning" not in teller.ask("stats", run)
