"""poll: only what is new to the asker."""

from __future__ import annotations

from fakes.swarm import LIMIT_S, Swarm, until, worker

NONE = {"workspace": "none"}


def test_each_asker_is_told_a_runs_news_once(swarm: Swarm):
    run = swarm.spawn(
        {"a": {"argv": ["true"], **NONE}, "b": {"argv": ["false"], **NONE}}
    )
    swarm.ended(run)

    first, again, other = (
        swarm.ask("poll", run, *words)["events"] for words in ((), (), ("--as", "ada"))
    )

    names = [(each["event"], each["session"]) for each in first]
    assert sorted(names[:-1]) == sorted(
        (what, f"{run}/{task}") for what in ("launched", "ended") for task in "ab"
    )
    assert names[-1] == ("run_ended", None)
    assert again == []
    assert other == first


def test_a_line_is_told_once_it_is_whole(swarm: Swarm):
    gate = swarm.folder / "gate"
    run = swarm.spawn({"a": {"argv": worker("half_a_line.sh", gate), **NONE}})
    session = f"{run}/a"
    until(lambda: swarm.ask("log", session)["lines"])

    early = swarm.ask("poll", session)
    gate.touch()
    swarm.ended(run)
    late = swarm.call("poll", session)

    assert (early["state"], early["lines"]) == ("running", [])
    assert late.out == (
        "| first half and second half\n\nSession succeeded (exit_ok).\n"
    )


def test_it_answers_when_a_worker_writes_and_not_only_when_a_state_changes(
    swarm: Swarm,
):
    gate = swarm.folder / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.02; done; echo hello; exec sleep 600"
    run = swarm.spawn({"a": {"argv": ["sh", "-c", script], **NONE}})
    session = f"{run}/a"
    swarm.until_state(session, "running")

    with swarm.start("poll", session, "--timeout-s", str(LIMIT_S)) as poll:
        gate.touch()
        out, _ = poll.communicate(timeout=LIMIT_S)

    assert out == "| hello\n\nSession still running.\n"
    assert poll.returncode == 0


def test_it_says_when_time_runs_out_without_news(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": worker("silent.sh"), **NONE}})
    session = f"{run}/a"
    swarm.until_state(session, "running")
    swarm.call("poll", run)

    of_session = swarm.call("poll", session, "--timeout-s", "0.1", code=124)
    of_run = swarm.call("poll", run, "--timeout-s", "0.1", code=124)

    assert of_session.out == "(no new output)\n\nSession still running.\n"
    assert of_run.out.startswith(f"(no new output)\n\n{run}: 1 running.\n")


def test_a_task_that_was_tried_again_is_counted_once_in_words_as_in_fields(
    swarm: Swarm,
):
    tasks = {"a": {"argv": ["false"], "workspace": "none"}}
    run = swarm.spawn({**tasks, "b": {**tasks["a"], "needs": ["a"]}})
    swarm.ended(run)
    swarm.call("retry", run)
    swarm.ended(run)

    counts = swarm.ask("poll", run, "--as", "ada")["counts"]

    assert counts == {"cancelled": 1, "failed": 1}
    assert f"{run}: 1 cancelled, 1 failed." in swarm.call("poll", run).lines


def test_of_a_run_that_has_ended_it_names_what_is_next_as_list_and_wait_do(
    swarm: Swarm,
):
    swarm.repository()
    made = {"argv": ["sh", "-c", "echo 1 > b"]}
    run = swarm.spawn({"a": {"argv": ["false"]}, "b": made})
    swarm.ended(run)
    none = swarm.spawn({"a": {"argv": ["false"], **NONE}})
    swarm.ended(none)

    for one, verb in ((run, f"aggregate {run} --merge"), (none, f"aggregate {none}")):
        last = [swarm.call(what, one, code=None).lines[-1] for what in ("list", "poll")]
        assert last == [f"Next: kimi-swarm {verb}"] * 2
        waited = swarm.call("wait", one, code=1).out
        assert waited.endswith(f" Next: kimi-swarm {verb}\n")
