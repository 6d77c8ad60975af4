"""Budgets of runs and tasks: what they stop, what is said, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.gateway import KEY
from fakes.model_users import ask, teach_to_ask
from fakes.raw_provider import RawProvider
from fakes.scripted_model import Limits, ScriptedModel
from fakes.silent_provider import says_without_usage
from fakes.swarm import Swarm, worker

NONE = {"workspace": "none"}
TELLS = '{"input_tokens": 900, "output_tokens": 100}'


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(Limits(api_key=KEY)) as served:
        yield served


def served_tokens(model: ScriptedModel) -> list[int]:
    return [
        one["usage"]["prompt_tokens"] + one["usage"]["completion_tokens"]
        for one in model.requests
        if one.get("usage")
    ]


def outcomes(swarm: Swarm, run: str) -> dict[str, Any]:
    """Return how the last session of each task stands."""
    return {
        task: one["outcome"] or one["state"]
        for task, one in swarm.sessions(run).items()
    }


def test_a_run_out_of_budget_stops_is_told_and_goes_on_when_it_is_raised(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    first = swarm.ended(swarm.spawn({"a": ask("Go")}))["a"]
    each = first["usage"]["input_tokens"] + first["usage"]["output_tokens"]
    tasks = {f"t{number}": ask("Go") for number in range(9)}
    limits = {"concurrency": 3, "tokens": 4 * each}
    run = swarm.spawn(tasks, limits=limits)

    held = swarm.ask("wait", run, "--timeout-s", 50, code=1)
    assert held["timed_out"] is False
    assert held["state"] == "running"
    assert held["held"].startswith(f"budget tokens {4 * each} spent ")
    spent = int(held["held"].rpartition(" ")[2])
    # One more request for each that worked beside others.
    assert 4 * each <= spent <= 4 * each + 3 * each
    assert spent + each == sum(served_tokens(model))
    counts = list(outcomes(swarm, run).values())
    assert 4 <= counts.count("succeeded") <= 7
    assert counts.count("queued") == 9 - counts.count("succeeded")
    line = swarm.call("wait", run, code=1).out
    assert f"{run} held: budget tokens" in line
    assert f"resume {run} --tokens N" in line
    assert f"{run} held" in swarm.call("list").out
    polled = swarm.call("poll", run).out
    assert "used up: budget tokens" in polled
    assert "held: budget tokens" in polled

    told = swarm.call("resume", run, "--tokens", spent, code=2).err
    assert "That is spent already" in told
    swarm.call("resume", run, "--tokens", 40 * each)
    done = swarm.ended(run)
    assert {one["outcome"] for one in done.values()} == {"succeeded"}


def test_a_worker_refused_by_a_budget_is_no_failure_and_goes_on(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model, questions=6)
    run = swarm.spawn({"a": ask("Go")}, limits={"requests": 3})
    swarm.call("wait", run, code=1)
    (refused, waits) = swarm.ask("list", run)["sessions"]
    assert (refused["outcome"], refused["reason"]) == ("cancelled", "budget")
    assert "budget requests 3 spent 3" in refused["message"]
    assert (waits["state"], waits["tries"]) == ("queued", 1)
    assert len(model.requests) == 3
    swarm.call("resume", run, "--requests", 12)
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_a_budget_of_a_task_holds_that_task_alone(swarm: Swarm, model: ScriptedModel):
    teach_to_ask(swarm, model, questions=4)
    tasks = {"a": ask("Go", limits={"requests": 2}), "b": ask("Go")}
    run = swarm.spawn(tasks)
    line = swarm.call("wait", run, code=1).out
    assert "budget of task a requests 2 spent 2" in line
    assert f"resume {run}/a --requests N" in line
    assert outcomes(swarm, run)["b"] == "succeeded"
    swarm.call("resume", f"{run}/a", "--requests", 8)
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_a_task_that_its_budget_holds_takes_no_place_from_the_others(swarm: Swarm):
    swarm.teach("spender", worker("tells_usage.py"), expect="answer")
    spend = {"profile": "spender", "prompt": TELLS, "role": "none", **NONE}
    gate = worker("signs_ledger.sh", swarm.folder / "ledger", swarm.folder / "gate")
    tasks = {
        "a": {**spend, "check": "false", "limits": {"tokens": 1}},
        "b": {"argv": gate, **NONE},
        "c": spend,
    }
    run = swarm.spawn(tasks, limits={"concurrency": 1})
    swarm.call("wait", run, "--any", code=None)
    assert outcomes(swarm, run)["a"] == "failed"
    swarm.call("retry", f"{run}/a")
    (swarm.folder / "gate").touch()

    line = swarm.call("wait", run, code=1).out

    assert "budget of task a tokens 1 spent 1000" in line
    assert outcomes(swarm, run) == {"a": "queued", "b": "succeeded", "c": "succeeded"}


def test_four_fifths_of_a_budget_are_told_once(swarm: Swarm, model: ScriptedModel):
    teach_to_ask(swarm, model)
    tasks = {name: ask("Go") for name in "abcde"}
    run = swarm.spawn(tasks, limits={"requests": 5, "concurrency": 1})
    swarm.ended(run)
    told = [
        one["words"]
        for one in swarm.ask("poll", run)["events"]
        if one["event"].startswith("budget")
    ]
    assert told == ["budget requests 5 spent 4", "budget requests 5 spent 5"]
    assert swarm.ask("list", run)["warned"] == told[1]


def test_a_run_that_used_up_its_budget_as_it_ended_says_so(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.own_config(budgets={"day": {"requests": 1}})
    run = swarm.spawn({"a": ask("Go")}, limits={"requests": 1})
    line = swarm.call("wait", run).out
    assert "1 succeeded" in line
    assert "; budget requests 1 spent 1." in line
    assert "; budget requests 1 spent 1" in swarm.call("list").out
    assert "used up: budget requests 1 spent 1" in swarm.call("poll", run).out
    assert "budget requests 1 spent 1" in swarm.call("aggregate", run).out
    # That of the day goes on without it.
    assert swarm.ask("list", run)["warned"] == "budget requests 1 spent 1"


def test_a_run_that_begins_while_a_budget_is_nearly_gone_is_told(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.own_config(budgets={"day": {"requests": 5}})
    tasks = {name: ask("Go") for name in "abcd"}
    swarm.ended(swarm.spawn(tasks, limits={"concurrency": 1}))
    plan = swarm.plan({"b": {"argv": ["true"], **NONE}})
    said = swarm.call("spawn", plan).out
    words = "budget of the day requests 5 spent 4"
    assert f"Used up already, or nearly: {words}." in said
    run = said.partition(":")[0].split()[-1]
    swarm.ended(run)
    events = swarm.ask("poll", run)["events"]
    assert [one["words"] for one in events if one["event"] == "budget_warned"] == [
        words
    ]


def test_finish_lets_what_works_finish_beyond_the_budget(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model, questions=4)
    limits = {"requests": 2, "at_limit": "finish", "concurrency": 1}
    run = swarm.spawn({"a": ask("Go"), "b": ask("Go")}, limits=limits)
    swarm.call("wait", run, code=1)
    assert outcomes(swarm, run) == {"a": "succeeded", "b": "queued"}
    assert len(model.requests) == 4


def test_kill_ends_what_works_and_it_is_done_again_when_raised(swarm: Swarm):
    swarm.teach("spender", worker("tells_usage.py"), expect="answer", grace_s=0.5)
    gate = worker("signs_ledger.sh", swarm.folder / "ledger", swarm.folder / "gate")
    spend = {"profile": "spender", "prompt": TELLS, "role": "none", **NONE}
    limits = {"tokens": 1, "at_limit": "kill", "concurrency": 2}
    run = swarm.spawn({"a": {"argv": gate, **NONE}, "b": spend}, limits=limits)
    swarm.call("wait", run, code=1)
    killed, waits, _ = swarm.ask("list", run)["sessions"]
    assert (killed["outcome"], killed["reason"]) == ("cancelled", "budget")
    assert waits["state"] == "queued"
    (swarm.folder / "gate").touch()
    swarm.call("resume", run, "--tokens", 1_000_000)
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_sessions_that_tell_their_usage_only_at_the_end_go_one_by_one_at_first(
    swarm: Swarm,
):
    swarm.teach("spender", worker("tells_usage.py"), expect="answer")
    spend = {"profile": "spender", "prompt": TELLS, "role": "none", **NONE}
    one = swarm.ended(swarm.spawn({"a": spend}))["a"]
    each = one["usage"]["input_tokens"] + one["usage"]["output_tokens"]
    tasks = {f"t{number}": spend for number in range(8)}
    run = swarm.spawn(tasks, limits={"concurrency": 8, "tokens": 3 * each})
    swarm.call("wait", run, code=1)
    assert list(outcomes(swarm, run).values()).count("succeeded") == 3


def test_a_plan_says_how_each_worker_is_held(swarm: Swarm, model: ScriptedModel):
    teach_to_ask(swarm, model)
    demo = {"profile": "demo", "prompt": "Create `a.txt`", "workspace": "fresh"}
    plan = swarm.plan({"a": ask("Go"), "b": demo}, limits={"usd": 1.5, "tokens": 9000})
    told = swarm.call("plan", plan).out
    assert "at most 9,000 tokens, at most $1.50" in told
    assert "Budget (asker): held per request" in told
    assert "Budget (demo): per session only, may overshoot" in told
    assert "Not enforced" not in told


def test_how_many_sessions_a_run_starts_can_be_bounded(swarm: Swarm):
    true = {"argv": ["true"], **NONE}
    tasks = dict.fromkeys("abcd", true)
    run = swarm.spawn(tasks, limits={"sessions": 2})
    assert "budget sessions 2 spent 2" in swarm.call("wait", run, code=1).out
    swarm.call("resume", run, "--sessions", 9)
    assert swarm.ended(run)["d"]["outcome"] == "succeeded"


@pytest.mark.parametrize(
    "words", [["--usd", "0"], ["--usd", "x"], ["--tokens", "-1"], ["--tokens", "0"]]
)
def test_a_budget_that_is_none_is_refused(words: list[str], swarm: Swarm):
    assert swarm.call("resume", "no-run", *words, code=2).err


def test_a_budget_of_the_day_holds_every_run(swarm: Swarm, model: ScriptedModel):
    teach_to_ask(swarm, model)
    swarm.own_config(budgets={"day": {"requests": 1}})
    first = swarm.spawn({"a": ask("Go"), "b": ask("Go")}, limits={"concurrency": 1})
    swarm.call("wait", first, code=1)
    second = swarm.spawn({"a": ask("Go")})
    for run in (first, second):
        told = swarm.call("wait", run, code=1).out
        assert "held: budget of the day requests 1 spent 1" in told
    assert len(model.requests) == 1


def test_a_budget_of_a_pool_holds_by_the_pool_s_own_name_and_by_its_host_s(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    place = f"127.0.0.1:{model.port}"
    pools = {
        "mine": {"url": place, "concurrency": 3},
        "cheap": {"url": f"{place}/v1", "models": ["scripted"]},
        "other": {"url": place, "models": ["dear-*"]},
    }
    budgets = {"mine": {"requests": 2, "per": "day"}, "other": {"requests": 1}}
    swarm.own_config(pools=pools, budgets={"pools": budgets})
    tasks = {f"t{number}": ask("Go") for number in range(5)}
    run = swarm.spawn(tasks, limits={"concurrency": 1})
    line = swarm.call("wait", run, code=1).out
    assert "held: budget of pool mine for the day requests 2 spent 2" in line
    assert len(model.requests) == 2

    swarm.own_config(pools=pools, budgets={"pools": {"cheap": {"requests": 3}}})
    swarm.call("resume", run)
    line = swarm.call("wait", run, code=1).out
    assert "held: budget of pool cheap for the month requests 3 spent 3" in line

    swarm.own_config(pools=pools, budgets={"pools": {place: {"requests": 4}}})
    swarm.call("resume", run)
    line = swarm.call("wait", run, code=1).out
    assert f"held: budget of pool {place} for the month requests 4 spent 4" in line


def test_a_budget_of_the_day_bounds_sessions_of_all_runs(swarm: Swarm):
    swarm.own_config(budgets={"day": {"sessions": 3}})
    true = {"argv": ["true"], **NONE}
    swarm.ended(swarm.spawn(dict.fromkeys("ab", true)))
    run = swarm.spawn(dict.fromkeys("cd", true), limits={"concurrency": 1})
    told = "held: budget of the day sessions 3 spent 3"
    assert told in swarm.call("wait", run, code=1).out
    swarm.own_config(budgets={"day": {"sessions": 9}})
    swarm.call("resume", run)
    assert swarm.ended(run)["d"]["outcome"] == "succeeded"


def test_a_budget_of_the_day_bounds_how_long_all_sessions_work(swarm: Swarm):
    swarm.own_config(budgets={"day": {"wall_s": 0.001}})
    true = {"argv": ["true"], **NONE}
    run = swarm.spawn(dict.fromkeys("ab", true))
    line = swarm.call("wait", run, code=1).out
    assert "held: budget of the day wall_s 0" in line
    assert list(outcomes(swarm, run).values()).count("queued") == 1


def test_a_budget_of_a_pool_that_there_is_not_is_refused(swarm: Swarm):
    swarm.own_config(
        pools={"moonshot": {"url": "api.moonshot.ai"}},
        budgets={"pools": {"moonshoot": {"requests": 1}}},
    )
    done = swarm.call("plan", swarm.plan({"a": {"argv": ["true"], **NONE}}), code=2)
    assert 'budgets.pools.moonshoot: no such pool; did you mean "moonshot"' in done.err
    assert "docs/limits.md" in done.err
    assert "install kimi-swarm" not in done.err


def test_a_budget_of_a_pool_counts_workers_that_log_in_by_themselves_if_it_can(
    swarm: Swarm,
):
    at = {"models": {"url": "https://api.example.org/v1/models", "key_env": "NO_KEY"}}
    for name, fields in (("known", at), ("unknown", {})):
        argv = worker("tells_usage.py")
        swarm.teach(name, argv, expect="answer", grace_s=0.5, **fields)
    pools = {"example": {"url": "api.example.org"}}
    budgets = {"pools": {"example": {"tokens": 1}}}
    swarm.own_config(pools=pools, budgets=budgets)
    spend = {"prompt": TELLS, "role": "none", **NONE}
    tasks = {f"t{number}": {"profile": "known", **spend} for number in range(2)}
    run = swarm.spawn(tasks, limits={"concurrency": 1})
    line = swarm.call("wait", run, code=1).out
    assert "held: budget of pool example for the month tokens 1 spent " in line

    told = swarm.call("plan", swarm.plan({"a": {"profile": "unknown", **spend}})).out
    assert "No budget of a pool counts unknown: nobody knows which provider" in told
    assert "No budget of a pool" not in swarm.call("plan", swarm.plan(tasks)).out


def test_a_budget_of_the_day_that_is_raised_holds_no_more_once_a_run_is_resumed(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.own_config(budgets={"day": {"requests": 1}})
    run = swarm.spawn({"a": ask("Go"), "b": ask("Go")}, limits={"concurrency": 1})
    helps = "Raise budgets.day in config.yaml first."
    assert helps in swarm.call("wait", run, code=1).out
    for told in (
        swarm.call("resume", run).out,
        swarm.call("resume", run, "--requests", 9).out,
    ):
        assert f"{run} is held still: 0 at work, 1 waiting." in told
        assert f"Held: budget of the day requests 1 spent 1. {helps}" in told
    assert helps in swarm.call("list", run).out
    assert helps in swarm.call("poll", run).out

    swarm.own_config(budgets={"day": {"requests": 50}})
    assert f"{run} is running:" in swarm.call("resume", run).out
    assert swarm.ended(run)["b"]["outcome"] == "succeeded"


def test_money_for_ten_of_thirty_tasks_is_spent_and_no_more(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.own_config()
    price = {"model": "scripted", "since": "2026-01-01", "input": 1000, "output": 1000}
    path = swarm.folder / "home" / ".config" / "kimi-swarm" / "prices.yaml"
    path.write_text(json.dumps({"prices": [price]}), "utf-8")
    usage = swarm.ended(swarm.spawn({"a": ask("Go")}))["a"]["usage"]
    each_usd = usage["cost_usd"]
    tasks = {f"t{number}": ask("Go") for number in range(30)}
    run = swarm.spawn(tasks, limits={"concurrency": 3, "usd": 10 * each_usd})

    held = swarm.ask("wait", run, "--timeout-s", 55, code=1)["held"]
    spent = float(held.rpartition(" ")[2])
    counts = list(outcomes(swarm, run).values())
    assert 9.9 * each_usd <= spent <= 13.1 * each_usd
    assert 10 <= counts.count("succeeded") <= 13
    assert counts.count("queued") == 30 - counts.count("succeeded")
    assert len(model.requests) - 1 == counts.count("succeeded")


def test_a_budget_holds_where_the_provider_tells_no_usage_and_says_it_estimates(
    swarm: Swarm,
):
    with RawProvider(says_without_usage(*["word " * 200] * 40)) as provider:
        teach_to_ask(swarm, f"{provider.origin}/v1")
        tasks = {f"t{number}": ask("Go") for number in range(8)}
        run = swarm.spawn(tasks, limits={"tokens": 5000, "concurrency": 1})
        line = swarm.call("wait", run, code=1).out
    # 40,000 bytes of text: some 10,000 tokens, which nobody counted.
    assert len(provider.heard) == 1
    spent = int(line.partition("budget tokens 5000 spent about ")[2].partition(";")[0])
    assert 8_000 <= spent <= 15_000
    assert "spent about" in swarm.call("list", run).out
    usage = swarm.sessions(run)["t0"]["usage"]
    assert (usage["tokens_from"], usage["requests_from"]) == ("estimated", "measured")
    assert "estimated" in swarm.call("stats", run).out
    swarm.own_config(budgets={"day": {"tokens": 10**9}})
    swarm.ended(swarm.spawn({"z": {"argv": ["true"], **NONE}}))
    assert "This day: about" in swarm.call("stats").out


def test_a_budget_of_money_for_a_model_without_a_price_names_what_helps(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    run = swarm.spawn({"a": ask("Go")}, limits={"usd": 1.0})
    line = swarm.call("wait", run, code=1).out
    assert "(a: budget); Add what the model costs to prices.yaml." in line
    told = swarm.ask("list", run)["sessions"][0]
    assert "nobody knows what scripted costs" in told["message"]
    assert "prices.yaml" in told["remedy"]
    assert model.requests == []

    swarm.own_config()
    price = {"model": "scripted", "since": "2026-01-01", "input": 1, "output": 1}
    path = swarm.folder / "home" / ".config" / "kimi-swarm" / "prices.yaml"
    path.write_text(json.dumps({"prices": [price]}), "utf-8")
    swarm.call("retry", run)
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"


def test_the_report_says_whose_budget_is_held_per_session_only(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.teach("alone", worker("tells_usage.py"), expect="exit")
    lone = {"prompt": "Tell this:", "profile": "alone", **NONE}
    run = swarm.spawn({"a": ask("Go"), "b": lone}, limits={"tokens": 10**9})
    swarm.ended(run)

    report = swarm.call("aggregate", run).out

    assert "Note: Budgets hold alone per session only" in report
    free = swarm.spawn({"b": lone})
    swarm.ended(free)
    assert "Budgets hold" not in swarm.call("aggregate", free).out
