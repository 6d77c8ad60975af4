"""aggregate and diff: a run folded to what a main agent needs to read."""

from __future__ import annotations

import json

from fakes.repos import portrait, run_git
from fakes.swarm import Swarm, until, worker

NONE = {"workspace": "none"}


def writes(name: str, text: str) -> dict[str, object]:
    return {"argv": ["sh", "-c", f"echo {text} > {name}; echo wrote {name}"]}


def test_failures_come_first_and_two_hundred_tasks_fit(swarm: Swarm):
    tasks = {f"t{n:03}": {"argv": ["echo", "x" * 200], **NONE} for n in range(198)}
    tasks["late"] = {"argv": ["sh", "-c", "echo no luck; exit 3"], **NONE}
    tasks["after"] = {"argv": ["true"], **NONE, "needs": ["late"]}
    run = swarm.spawn(tasks, limits={"concurrency": 20}, name="crowd")
    swarm.call("wait", run, code=1)

    told = swarm.call("aggregate", run, code=1)
    whole = swarm.ask("aggregate", run, code=1)

    assert len(told.out) < 12_000
    assert told.lines[0].startswith(f"# {run} (crowd): 198 succeeded")
    headings = [line for line in told.lines if line.startswith("## ")]
    assert headings[0].startswith("## late: failed (exit_code) — command")
    assert headings[1].startswith("## after: cancelled (need_failed)")
    assert "> no luck" in told.out
    assert f"Log: `log {run}/late`" in told.out
    assert len(whole["tasks"]) == 200
    assert whole["tasks"][0]["task"] == "late"
    assert whole["counts"] == {"succeeded": 198, "failed": 1, "cancelled": 1}


def test_merging_drops_nothing_and_names_what_collides(swarm: Swarm):
    repo = swarm.repository()
    before = portrait(repo)
    run = swarm.spawn(
        {
            "a": writes("same.txt", "1"),
            "b": writes("same.txt", "2"),
            "c": writes("c.txt", "3"),
            "bad": {"argv": ["sh", "-c", "echo half > half.txt; exit 1"]},
        }
    )
    swarm.ended(run)

    merged = swarm.ask("aggregate", run, "--merge", code=1)["merged"]
    again = swarm.call("aggregate", run, "--merge", code=1)

    assert merged["branch"] == f"swarm/{run}/merged"
    assert merged["merged"] == [f"swarm/{run}/a", f"swarm/{run}/c"]
    (conflict,) = merged["conflicts"]
    assert (conflict["branch"], conflict["paths"]) == (f"swarm/{run}/b", ["same.txt"])
    assert merged["left_out"] == ["bad (failed)"]
    assert f"- NOT merged: `swarm/{run}/b` — conflict in > same.txt" in again.lines
    later = swarm.ask("aggregate", run, code=1)["merged"]
    assert (later["merged"], later["left_out"]) == (merged["merged"], ["bad (failed)"])
    files = run_git(repo, "ls-tree", "--name-only", merged["branch"]).split()
    assert files == ["README.md", "c.txt", "same.txt"]
    assert run_git(repo, "show", f"swarm/{run}/b:same.txt") == "2"
    assert run_git(repo, "show", f"swarm/{run}/bad:half.txt") == "half"
    assert portrait(repo) == before


def test_what_is_next_after_a_merge_is_what_helps_most(swarm: Swarm):
    repo = swarm.repository()
    good = writes("a.txt", "1")
    run = swarm.spawn({"good": good, "bad": {"argv": ["false"]}})
    killed = swarm.spawn({"good": good, "slow": {"argv": worker("silent.sh")}})
    fine = swarm.spawn({"good": good})
    for one in (run, fine):
        swarm.ended(one)
    until(lambda: swarm.sessions(killed)["good"]["outcome"])
    swarm.call("kill", f"{killed}/slow")
    swarm.ended(killed)

    def after_merge(one: str) -> str:
        lines = swarm.call("aggregate", one, "--merge", code=None).lines
        assert swarm.call("aggregate", one, code=None).lines[-1] == lines[-1]
        return lines[-1]

    assert after_merge(run) == f"Next: kimi-swarm retry {run}"
    for one in (killed, fine):
        log = f"git -C {repo} log --stat swarm/{one}/merged"
        assert after_merge(one) == f"Next: {log}"

    swarm.call("retry", run)
    swarm.ended(run)
    assert after_merge(run) == f"Next: kimi-swarm log {run}/bad.2"


def test_a_long_check_or_many_colliding_files_still_leave_the_facts(swarm: Swarm):
    swarm.repository()
    many = "for i in $(seq 300); do echo {0} > a-rather-long-file-name-number-$i; done"
    run = swarm.spawn(
        {
            "a": {"argv": ["sh", "-c", many.format(1)]},
            "b": {"argv": ["sh", "-c", many.format(2)]},
            "c": {**writes("c", "3"), "check": "false # " + "long " * 4000},
        }
    )
    swarm.ended(run)

    told = swarm.call("aggregate", run, "--merge", code=1)

    assert len(told.out) < 13_000
    assert f"- NOT merged: `swarm/{run}/b` — conflict in > a-rather" in told.out
    assert "## c: failed (check_failed)" in told.out


def test_a_diff_shows_what_a_session_committed(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn(
        {
            "a": writes("a.txt", "hello"),
            "big": {"argv": ["sh", "-c", "seq 100000 > big.txt"]},
            "none": {"argv": ["true"], **NONE},
        }
    )
    swarm.ended(run)

    patch = swarm.call("diff", f"{run}/a").out
    big = swarm.ask("diff", f"{run}/big")

    assert "+++ b/a.txt" in patch
    assert "+hello" in patch
    assert len(big["diff"]) < 12_500
    error = swarm.ask("diff", f"{run}/none", code=2)["error"]
    assert error["code"] == "nothing_to_compare"


def test_run_does_it_all_in_one_call(swarm: Swarm):
    repo = swarm.repository()
    plan = swarm.plan({"a": writes("a.txt", "1"), "b": {"argv": ["false"]}})

    text = swarm.call("run", plan, code=1)
    run = text.out.split()[1]

    assert f"{run}/a running" in text.err
    assert f"{run}/b failed (exit_code)" in text.err
    assert f"Merged 1 branch on `swarm/{run}/merged` in {repo}" in text.lines
    assert run_git(repo, "show", f"swarm/{run}/merged:a.txt") == "1"
    told = json.loads(swarm.call("run", plan, "--json", "--no-merge", code=1).out)
    assert (told["version"], told["merged"]) == (1, None)
