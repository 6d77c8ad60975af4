"""The waking line: short, and the command it ends with is whole whatever is long."""

from __future__ import annotations

import shlex

import pytest

from kimi_swarm.core.askers import asker_name
from kimi_swarm.core.wake import (
    FEWEST_CHARS,
    LINE_CHARS,
    Standing,
    end_line,
    held_line,
    wait_verb,
    woken,
)

LONG_NAME = "a-task-whose-name-is-as-long-as-it-gets-"
USED = "at least 12.4k tokens and $1.00 (12 unknown)"
VERB = "aggregate proud-wave --merge"


def rows(failed: int) -> list[Standing]:
    bad = [
        Standing(f"{LONG_NAME}{n}", "failed", "exit_code", is_fine=False)
        for n in range(failed)
    ]
    good = Standing("good", "succeeded", "changes", is_fine=True, has_work=True)
    return [*bad, good]


@pytest.mark.parametrize("failed", [0, 1, 2, 12])
@pytest.mark.parametrize("path_chars", [0, 30, 64, 90, 400])
@pytest.mark.parametrize("used", ["", USED])
def test_the_next_command_is_whole_however_long_the_rest_is(
    failed: int, path_chars: int, used: str
):
    caller = f"python3 /{'s' * path_chars}/swarm.py" if path_chars else ""

    line = end_line("proud-wave", "proud-wave", rows(failed), caller=caller, used=used)

    assert len(line) <= LINE_CHARS
    whole = f"{caller} {VERB}".lstrip()
    fits = len(f"Next: {whole}") + 1 + FEWEST_CHARS <= LINE_CHARS
    happened, _, command = line.partition(" Next: ")
    assert command == (whole if fits else VERB)
    assert happened.startswith("proud-wave: ")
    assert happened[-1] in ".…"


def test_names_of_the_failed_give_way_before_the_first_of_them_and_cost_do():
    caller = "python3 /home/someone/skills/swarm.py"

    line = end_line("proud-wave", "proud-wave", rows(12), caller=caller)

    first = f"({LONG_NAME}0: exit_code, …)"
    assert line.startswith(
        f"proud-wave: 12 failed, 1 succeeded {first}. Next: {caller}"
    )


def test_a_program_at_a_path_that_leaves_no_room_is_not_named_by_half():
    line = woken("It ended.", caller=f"python3 /{'x' * 200}/swarm.py", verb="wait a-b")
    assert line == "It ended. Next: wait a-b"


@pytest.mark.parametrize("path_chars", [0, 30, 60, 100, 400])
@pytest.mark.parametrize(
    ("held", "first", "verb"),
    [
        ("budget usd 1.00 spent 1.01", "", "resume proud-wave --usd N"),
        (
            f"budget of task {LONG_NAME}1 tokens 9000 spent about 9100",
            "",
            f"resume proud-wave/{LONG_NAME}1 --tokens N",
        ),
        (
            "budget of the month usd 60.00 spent 60.02",
            "Raise budgets.month in config.yaml first.",
            "resume proud-wave",
        ),
        (
            "budget of the day requests 1 spent 1",
            "Raise budgets.day in config.yaml first.",
            "resume proud-wave",
        ),
        (
            "budget of pool api.moonshot.ai for the day tokens 9 spent 10",
            "Raise budgets.pools in config.yaml first.",
            "resume proud-wave",
        ),
    ],
)
def test_a_held_run_names_its_budget_and_all_that_helps(
    path_chars: int, held: str, first: str, verb: str
):
    caller = f"python3 /{'s' * path_chars}/swarm.py" if path_chars else ""
    line = held_line("proud-wave", "proud-wave", held, rows(12), caller=caller)
    assert len(line) <= LINE_CHARS
    happened, _, command = line.partition(" Next: ")
    assert happened.startswith("proud-wave ")
    assert happened.endswith(first)
    assert command in (verb, f"{caller} {verb}".lstrip())


def test_of_what_says_the_same_in_fewer_words_the_first_that_fits_is_told_whole():
    ways = ("failed (exit_code); proud-wave: 11 running.", "failed (exit_code).")

    def told(caller: str) -> str:
        return woken(*ways, caller=caller, verb="log proud-wave/a").partition(" Next")[
            0
        ]

    lines = {told(f"python3 /{'s' * count}/swarm.py") for count in range(400)}
    assert lines == set(ways)


@pytest.mark.parametrize("count", range(0, 120, 7))
def test_counts_give_way_one_by_one_and_never_by_half(count: int):
    words = ("succeeded", "timed_out", "cancelled", "lost")
    rows = [Standing(word, word, "", is_fine=True) for word in words]
    caller = f"python3 /{'s' * count}/swarm.py"
    line = end_line("proud-wave", "proud-wave", rows, caller=caller)
    happened = line.partition(" Next: ")[0]
    known = {f"1 {word}" for word in words} | {"…"}
    assert set(happened.removeprefix("proud-wave: ").rstrip(".").split(", ")) <= known


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ann", "ann"),
        ("agent:main:main", "agent:main:main"),
        ("agent:ops:#a!", "'agent:ops:#a!'"),
    ],
)
def test_who_waits_is_named_as_a_shell_takes_it(name: str, written: str):
    assert (
        wait_verb("proud-wave", asker_name(name)) == f"wait proud-wave --as {written}"
    )
    assert shlex.split(written) == [name]


def test_a_name_as_long_as_the_line_gives_way_to_the_command():
    verb = wait_verb("proud-wave", "x" * 200)
    line = woken("It goes on.", caller="kimi-swarm", verb=verb)
    assert line == "It goes on. Next: wait proud-wave"


def test_a_held_run_tells_counts_where_there_is_room():
    line = held_line(
        *("proud-wave", "proud-wave", "budget of the day requests 1 spent 1"),
        *(rows(2),),
        caller="kimi-swarm",
    )
    assert line == (
        "proud-wave held: budget of the day requests 1 spent 1; 2 failed, 1 succeeded."
        " Raise budgets.day in config.yaml first. Next: kimi-swarm resume proud-wave"
    )
