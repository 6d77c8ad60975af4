"""log: what a worker wrote, by lines, bounded and harmless."""

from __future__ import annotations

from fakes.swarm import LIMIT_S, Swarm, worker

NONE = {"workspace": "none"}


def test_it_pages_by_lines_and_shows_the_last_two_hundred(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": worker("floods.py", 1000), **NONE}})
    swarm.ended(run)
    session = f"{run}/a"

    usual = swarm.call("log", session).out.splitlines()
    middle = swarm.call("log", session, "--offset", 10, "--limit", 3).lines
    beyond = swarm.ask("log", session, "--offset", 5000)

    assert usual[:200] == [f"| line {n}" for n in range(800, 1000)]
    note = "[showing last 200 of 1000 lines; pass offset/limit to page]"
    assert usual[200:] == ["", note]
    assert middle == ["| line 10", "| line 11", "| line 12"]
    assert (beyond["lines"], beyond["first"], beyond["total"]) == ([], 1000, 1000)
    assert swarm.call("log", session, "--limit", 2).lines == [
        "| line 998",
        "| line 999",
    ]


def test_a_flood_is_told_by_its_end_within_the_usual_length(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": worker("floods.py", 300_000), **NONE}})
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"

    told = swarm.call("log", f"{run}/a")

    assert len(told.out) < 12_000
    assert "line 299999" in told.out


def test_long_lines_stay_within_the_usual_length(swarm: Swarm):
    script = "for i in 1 2 3; do printf '%09000d\\n' $i; done"
    run = swarm.spawn({"a": {"argv": ["sh", "-c", script], **NONE}})
    swarm.ended(run)

    told = swarm.call("log", f"{run}/a")

    assert len(told.out) < 12_000
    assert told.lines[0].startswith("[2 lines left out;")


def test_terminal_escapes_are_taken_out_also_of_raw_lines(swarm: Swarm):
    script = r"printf 'a\033[31mred\033]0;title\007b\000\n'"
    run = swarm.spawn({"a": {"argv": ["sh", "-c", script], **NONE}})
    swarm.ended(run)

    assert swarm.call("log", f"{run}/a").out == "| aredb\n"
    assert swarm.call("log", f"{run}/a", "--raw").out == "aredb\n"


def test_it_says_when_there_is_nothing_to_show(swarm: Swarm):
    silent = {"argv": worker("silent.sh"), **NONE}
    run = swarm.spawn(
        {"a": silent, "b": {**silent, "needs": ["a"]}, "c": {"argv": ["true"], **NONE}}
    )
    swarm.until_state(f"{run}/c", "done")

    assert swarm.call("log", f"{run}/b").out == "(not started yet)\n"
    assert swarm.call("log", f"{run}/c").out == "(no output)\n"


def test_following_ends_with_the_session_and_bears_a_reader_that_leaves(swarm: Swarm):
    gate = swarm.folder / "gate"
    run = swarm.spawn({"a": {"argv": worker("half_a_line.sh", gate), **NONE}})
    swarm.until_state(f"{run}/a", "running")

    with swarm.start("log", f"{run}/a", "--follow") as follower:
        gate.touch()
        out, _ = follower.communicate(timeout=LIMIT_S)
    with swarm.start("log", f"{run}/a", "--follow") as leaver:
        assert leaver.stdout is not None
        assert leaver.stderr is not None
        leaver.stdout.close()
        troubles = leaver.stderr.read()

    assert out == "| first half and second half\n[succeeded: exit_ok]\n"
    assert (troubles, leaver.returncode) == ("", 0)
