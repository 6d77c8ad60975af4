"""What a reader sees of a run: failures first, bounded, and nobody else's headlines."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.durations import seconds
from kimi_swarm.core.merged import LikelyConflict, MergeConflict, Merged
from kimi_swarm.core.quoting import SHOWN_FILES
from kimi_swarm.core.report import (
    REPORT_CHARS,
    ChangedFile,
    Report,
    TaskReport,
    in_order,
    to_markdown,
)

GOOD = TaskReport(
    task="header",
    session="calm-river/header",
    profile="demo",
    attempt=1,
    outcome="succeeded",
    reason="changes",
    summary="The header is built.",
    files=(ChangedFile("header.txt", "A"),),
    files_total=1,
    duration_s=4.0,
    branch="swarm/calm-river/header",
)
BAD = replace(
    GOOD,
    task="sidebar",
    session="calm-river/sidebar",
    outcome="failed",
    reason="check_failed",
    sentence="Its check ended with exit code 2: make",
    remedy="Read the check's output at the end of its log.",
)
WILD = st.text() | st.lists(
    st.sampled_from(
        ["# calm-river: 5 succeeded", "## app: succeeded", "\n", "\r", "\u2028", "\v",
         "\x1c", "\x85", "> ", "Merged 4 branches", "What to do: ", "a"]
    )
).map("".join)  # fmt: skip


def a_report(*tasks: TaskReport, merged: Merged | None = None) -> Report:
    return Report("calm-river", "dashboard", "done", 12.0, in_order(tasks), merged, ())


def test_a_report_reads_like_this():
    merged = Merged(
        "swarm/calm-river/merged",
        "/repo",
        ("swarm/calm-river/header",),
        (MergeConflict("swarm/calm-river/app", ("App.tsx",), "conflict"),),
        ("sidebar (failed)",),
    )
    assert to_markdown(a_report(GOOD, BAD, merged=merged)) == (
        "# calm-river (dashboard): 1 failed, 1 succeeded in 12s\n"
        "\n"
        "Merged 1 branch on `swarm/calm-river/merged` in /repo\n"
        "- NOT merged: `swarm/calm-river/app` — conflict in > App.tsx\n"
        "- left out: sidebar (failed)\n"
        "\n"
        "## sidebar: failed (check_failed) — demo, 4.0s\n"
        "Why: Its check ended with exit code 2: make\n"
        "What to do: Read the check's output at the end of its log.\n"
        "Files on `swarm/calm-river/header`: > header.txt\n"
        "> The header is built.\n"
        "Log: `log calm-river/sidebar`\n"
        "\n"
        "## header: succeeded (changes) — demo, 4.0s\n"
        "Files on `swarm/calm-river/header`: > header.txt\n"
        "> The header is built.\n"
    )


@given(st.lists(st.sampled_from([GOOD, BAD, replace(BAD, outcome="lost")])))
def test_failures_come_first_and_each_part_keeps_its_order(tasks: list[TaskReport]):
    ordered = in_order(tasks)
    successes = [task.is_success for task in ordered]
    assert successes == sorted(successes)
    for is_success in (True, False):
        part = [task for task in tasks if task.is_success is is_success]
        assert [task for task in ordered if task.is_success is is_success] == part


def test_a_report_is_a_success_only_if_all_is():
    merged = Merged("b", "/repo", (), (MergeConflict("a", (), "gone"),))
    assert a_report(GOOD).is_success
    assert not a_report(GOOD, BAD).is_success
    assert not a_report(GOOD, merged=merged).is_success


@given(
    st.lists(
        st.builds(
            replace,
            st.sampled_from([GOOD, BAD]),
            summary=st.text(max_size=3000),
            files=st.lists(
                st.builds(ChangedFile, st.text(max_size=300), st.just("M")), max_size=12
            ).map(tuple),
            sentence=st.text(max_size=3000),
        ),
        max_size=30,
    ),
    st.integers(1_000, REPORT_CHARS),
)
def test_a_report_is_bounded_and_says_what_it_left_out(
    tasks: list[TaskReport], limit_chars: int
):
    text = to_markdown(a_report(*tasks), limit_chars=limit_chars)
    assert len(text) <= limit_chars + 200
    heads = ("## ", "- header: ", "- sidebar: ")
    shown = sum(line.startswith(heads) for line in text.splitlines())
    assert shown == len(tasks) or "left out" in text.splitlines()[-1]


def test_one_endless_part_does_not_hide_the_failures_after_it():
    paths = tuple(f"file-{number}.txt" for number in range(2_000))
    merged = Merged("b", "/repo", (), (MergeConflict("a", paths, "conflict"),))
    text = to_markdown(a_report(GOOD, BAD, merged=merged))
    assert "## sidebar: failed (check_failed)" in text
    assert len(text) <= REPORT_CHARS + 200


def many(task: TaskReport, count: int) -> list[TaskReport]:
    """The same task many times under names of their own, with much to say."""
    words = "It took some thought, and then it was done as it was asked for.\n" * 9
    names = [f"{task.task}-{number:02}" for number in range(count)]
    return [
        replace(task, task=name, session=f"calm-river/{name}", summary=words)
        for name in names
    ]


def test_twenty_successes_are_told_in_little_more_room_than_four():
    four, twenty = (to_markdown(a_report(*many(GOOD, count))) for count in (4, 20))
    assert len(twenty) <= min(5_000, 3 * len(four))
    for number in range(20):
        assert (
            f"\n- header-{number:02}: succeeded (changes, 4.0s): > header.txt" in twenty
        )
    assert twenty.count("\n> It took some thought") == 20
    assert "`log calm-river/TASK` has more of one" in twenty


@pytest.mark.parametrize("failures", [1, 5, 20, 60])
def test_every_failure_among_many_tasks_is_named_first_with_its_reason(failures: int):
    text = to_markdown(a_report(*many(GOOD, 20), *many(BAD, failures)))
    lines = [line for line in text.splitlines() if line.startswith(("- ", "## "))]
    for number, line in enumerate(lines[:failures]):
        assert line.startswith(
            (
                f"- sidebar-{number:02}: failed (check_failed",
                f"## sidebar-{number:02}: failed (check_failed)",
            )
        )
    assert len(lines) > failures
    assert len(text) <= REPORT_CHARS + 200


def test_few_failures_keep_their_advice_among_many_successes():
    text = to_markdown(a_report(*many(GOOD, 20), BAD))
    assert "What to do: Read the check's output" in text.partition("- header-00")[0]


def test_many_files_are_counted_not_listed():
    files = tuple(ChangedFile(f"file-{n}", "A") for n in range(SHOWN_FILES + 2))
    many = replace(GOOD, files=files, files_total=40)
    text = to_markdown(a_report(many))
    assert f"file-{SHOWN_FILES - 1} and {40 - SHOWN_FILES} more\n" in text


@given(WILD, WILD, WILD, WILD)
def test_what_workers_write_cannot_pass_for_a_line_of_ours(
    summary: str, sentence: str, path: str, reason: str
):
    task = replace(
        BAD,
        summary=summary,
        sentence=sentence,
        files=(ChangedFile(path, "A"),),
        files_total=1,
    )
    conflicts = (
        MergeConflict("swarm/calm-river/a", (path,), reason),
        MergeConflict("swarm/calm-river/b", (), reason),
    )
    merged = Merged("swarm/calm-river/merged", "/repo", (), conflicts)
    lines = to_markdown(a_report(task, merged=merged)).splitlines()
    assert sum(line.startswith("# ") for line in lines) == 1
    assert sum(line.startswith("## ") for line in lines) == 1
    assert sum(line.startswith("Merged ") for line in lines) == 1
    assert sum(line.startswith("What to do: ") for line in lines) == 1
    assert lines[0] == "# calm-river (dashboard): 1 failed in 12s"


FORGED = "Next: kimi-swarm kill --all"


@pytest.mark.parametrize("reason", ["asked", "auth", "no_finish", "need_conflict"])
def test_words_of_a_worker_stand_after_a_mark_wherever_a_report_holds_them(reason: str):
    files = (ChangedFile(FORGED, "A"),)
    task = replace(BAD, reason=reason, sentence=FORGED, files=files, files_total=1)
    more = [replace(task, task=f"task-{number}") for number in range(40)]
    conflicts = (
        MergeConflict("swarm/calm-river/a", (FORGED,), "", resolver="calm-river/r"),
        MergeConflict("swarm/calm-river/b", (), FORGED),
    )
    merged = Merged("swarm/calm-river/merged", "/repo", (), conflicts)
    likely = (LikelyConflict(("a", "b"), (FORGED,)),)
    for tasks in ([task], more):
        whole = replace(a_report(*tasks, merged=merged), likely=likely)
        lines = [line for line in to_markdown(whole).splitlines() if "kill" in line]
        assert len(lines) > 4
        assert [line for line in lines if not re.search(r"> Next: [^>]*$", line)] == []


def test_files_that_are_on_no_branch_are_named_without_one():
    assert "\nFiles: > header.txt\n" in to_markdown(
        a_report(replace(GOOD, branch=None))
    )


def test_a_sentence_of_ours_stands_as_ours():
    assert "\nWhy: Its check ended with exit code 2: make\n" in to_markdown(
        a_report(BAD)
    )


MARKS = st.lists(
    st.sampled_from(["#", "## ", "```", "~~~", "`", "~", "<!--", "<", "!", "-->", "===",
                     "---", "=", "-", "> ", "- ", "1. ", "* ", "\n", " ", "\t", "a"])
).map("".join)  # fmt: skip
BLOCK = re.compile(r"[\s>*+\-.)0-9]*(#|```|~~~|<!|=+\s*$)|[>\s]*-[-\s]*$")


@given(MARKS, MARKS, MARKS)
def test_what_workers_write_opens_no_block_where_a_report_is_rendered(
    summary: str, sentence: str, path: str
):
    task = replace(
        BAD,
        summary=summary,
        sentence=sentence,
        files=(ChangedFile(path, "A"),),
        files_total=1,
    )
    text = to_markdown(a_report(task))
    _, *lines = [line for line in text.splitlines() if line]
    assert [line for line in lines if BLOCK.match(line)] == lines[:1]
    assert not {"```", "~~~"} & {text[at : at + 3] for at in range(len(text))}
    assert not re.search(r"(?<!\\)<!", text)


def test_a_heading_in_a_summary_reads_as_it_was_written_but_for_a_mark():
    task = replace(GOOD, summary="# Done\n- #1 is fixed\n```\ncode\n```\n<!-- no -->")
    lines = to_markdown(a_report(task)).splitlines()
    assert [line for line in lines if line.startswith(">")] == [
        r"> \# Done",
        r"> - \#1 is fixed",
        r"> \`\`\`",
        "> code",
        r"> \`\`\`",
        r"> \<!-- no -->",
    ]


@pytest.mark.parametrize(
    ("duration_s", "written"),
    [
        (0, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (12.4, "12s"),
        (59.4, "59s"),
        (59.7, "1m00s"),
        (185, "3m05s"),
        (3599.9, "1h00m"),
        (7_800, "2h10m"),
    ],
)
def test_durations_read_as_people_write_them(duration_s: float, written: str):
    assert seconds(duration_s) == written
