"""aggregate --merge with a check: what is merged passes, the rest is named and kept."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from fakes.repos import portrait, run_git
from fakes.swarm import Swarm, until, with_session

# Functions with the number of arguments they take, and calls with how many they give:
# the check compiles nothing, it looks whether these agree.
AGREES = """
for call in $(cat calls/* 2>/dev/null); do
  grep -qx "$call" takes/* || { echo "nobody takes $call"; exit 1; }
done
"""


def writes(**files: str) -> dict[str, object]:
    """Return a task that writes files, `__` in a name standing for a slash."""
    lines = [
        f"mkdir -p $(dirname {name}); printf '{text}\\n' > {name}"
        for name, text in ((k.replace("__", "/"), v) for k, v in files.items())
    ]
    return {"argv": ["sh", "-c", "; ".join(lines)]}


def names_on(repo: Path, branch: str) -> list[str]:
    return run_git(repo, "ls-tree", "-r", "--name-only", branch).split()


def test_of_twelve_the_good_are_in_and_the_three_bad_are_named_and_kept(swarm: Swarm):
    repo = swarm.repository({"takes/area": "area-1\n", "notes": "one\ntwo\n"})
    before = portrait(repo)
    good = {f"good{n}": writes(**{f"good{n}": str(n)}) for n in range(7)}
    tasks = {
        "changes": writes(takes__area="area-2"),  # whoever calls it must give two
        "notes": writes(notes="ONE\\ntwo"),
        **good,
        "collides": writes(notes="uno\\ntwo"),
        "caller": writes(calls__caller="area-1"),
        "deletes": {"argv": ["sh", "-c", "git rm -q notes"]},
    }
    run = swarm.spawn(tasks, merge_check=AGREES)
    swarm.ended(run)

    told = swarm.call("aggregate", run, "--merge", code=1)
    merged = swarm.ask("aggregate", run, "--merge", code=1)["merged"]

    branch = f"swarm/{run}"
    assert merged["merged"] == [f"{branch}/{name}" for name in list(tasks)[:9]]
    assert merged["check"]["is_passed"] is True
    aside = {each["branch"].rpartition("/")[2]: each for each in merged["conflicts"]}
    assert list(aside) == ["collides", "caller", "deletes"]
    assert aside["collides"]["paths"] == aside["deletes"]["paths"] == ["notes"]
    assert aside["caller"]["cause"] == "check"
    assert aside["caller"]["company"] == [f"{branch}/changes"]
    assert aside["caller"]["output"] == "nobody takes area-1"
    assert f"- NOT merged: `{branch}/collides` — conflict in > notes" in told.lines
    assert (
        f"- NOT merged: `{branch}/caller` — it breaks the check together with "
        f"`{branch}/changes` (exit code 1)"
    ) in told.lines
    assert "> nobody takes area-1" in told.lines
    shown = names_on(repo, merged["branch"])
    assert shown == [*good, "notes", "takes/area"]
    assert run_git(repo, "show", f"{branch}/caller:calls/caller") == "area-1"
    assert run_git(repo, "show", f"{branch}/collides:notes") == "uno\ntwo"
    assert portrait(repo) == before


def test_a_second_merge_is_stable_and_tries_again_only_what_it_is_told_to(swarm: Swarm):
    repo = swarm.repository()
    run = swarm.spawn({"a": writes(a="1"), "bad": writes(bad="2"), "c": writes(c="3")})
    swarm.ended(run)
    count = swarm.folder / "count"
    check = f"echo x >> {count}; test ! -e bad"

    first = swarm.ask("aggregate", run, "--merge", "--check", check, code=1)["merged"]
    checks = count.stat().st_size
    second = swarm.ask("aggregate", run, "--merge", "--check", check, code=1)["merged"]
    without = swarm.ask("aggregate", run, "--merge", code=1)["merged"]
    looked = swarm.ask("aggregate", run, code=1)["merged"]

    assert count.stat().st_size == checks
    assert second == first
    assert without["conflicts"] == looked["conflicts"] == first["conflicts"]
    assert looked["check"]["line"] == check
    head = run_git(repo, "rev-parse", first["branch"])
    again = swarm.ask("aggregate", run, "--merge", "--again")["merged"]
    assert again["conflicts"] == []
    run_git(repo, "merge-base", "--is-ancestor", head, again["branch"])


def test_a_check_that_fails_on_the_base_blames_nobody(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn({"a": writes(a="1"), "b": writes(b="2")})
    swarm.ended(run)
    told = swarm.call("aggregate", run, "--merge", "--check", "exit 7", code=1)
    assert any("no task is blamed" in line for line in told.lines)
    assert f"Merged 2 branches on `swarm/{run}/merged`" in told.out


def test_a_check_that_takes_too_long_is_ended_with_its_children(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn({"a": writes(a="1"), "slow": writes(slow="2")})
    swarm.ended(run)
    line = "test ! -e slow || { sleep 300 & sleep 300; }"
    words = ("--merge", "--check", line, "--check-timeout-s", "0.5")
    merged = swarm.ask("aggregate", run, *words, code=1)["merged"]
    assert merged["conflicts"][0]["reason"] == "not done within 0.5 s"
    assert with_session(f"{run}/merged") == []


def test_a_merge_that_is_killed_in_its_check_is_taken_up(swarm: Swarm):
    repo = swarm.repository()
    before = portrait(repo)
    run = swarm.spawn({"a": writes(a="1"), "b": writes(b="2")})
    swarm.ended(run)
    stop = swarm.folder / "stop"
    stop.write_text("")
    line = f"if test -e b && test -e {stop}; then touch {stop}ped; sleep 300; fi"
    words = ("aggregate", run, "--merge", "--check", line)
    with swarm.start(*words) as merging:
        until(Path(f"{stop}ped").exists)
        assert f"swarm/{run}/merged" not in swarm.call("doctor", code=None).out
        merging.send_signal(signal.SIGKILL)
    stop.unlink()
    told = swarm.ask(*words)["merged"]
    assert told["merged"] == [f"swarm/{run}/a", f"swarm/{run}/b"]
    assert with_session(f"{run}/merged") == []
    assert run_git(repo, "branch", "--list", "swarm-salvage/*") == ""
    assert portrait(repo) == before


def test_an_interrupted_merge_ends_its_check(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn({"a": writes(a="1")})
    swarm.ended(run)
    mark = swarm.folder / "mark"
    line = f"touch {mark}; sleep 300"
    with swarm.start("aggregate", run, "--merge", "--check", line) as merging:
        until(mark.exists)
        merging.send_signal(signal.SIGINT)
        began = time.monotonic()
        merging.communicate(timeout=30)
    assert merging.returncode == 130
    assert time.monotonic() - began < 30
    assert with_session(f"{run}/merged") == []


@pytest.mark.parametrize(
    "words", [["--check", "true"], ["--again"], ["--merge", "--check-every", "0"]]
)
def test_words_that_make_no_sense_are_refused(swarm: Swarm, words: list[str]):
    swarm.repository()
    run = swarm.spawn({"a": writes(a="1")})
    swarm.ended(run)
    error = swarm.ask("aggregate", run, *words, code=2)["error"]
    assert error["code"] == "usage"
