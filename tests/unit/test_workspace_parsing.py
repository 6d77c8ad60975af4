from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.workspace.changes import FileChange, parse_diff
from kimi_swarm.workspace.git import MESSAGE_LIMIT_CHARS, first_words, readable
from kimi_swarm.workspace.status import Status, is_within, parse_status

HASHES = b"0" * 40 + b" " + b"1" * 40


def test_every_kind_of_status_record_is_read():
    records = [
        b"# branch.oid " + b"a" * 40,
        b"# branch.head swarm/r/t",
        b"# stash 3",
        b"1 .M N... 100644 100644 100644 " + HASHES + b" with space\nand line",
        b"2 R. N... 100644 100644 100644 " + HASHES + b" R100 new name",
        b"? old name that looks like a record",
        b"u UU N... 100644 100644 100644 100644 " + HASHES + b" " + b"2" * 40 + b" x y",
        b"1 .M S.M. 160000 160000 160000 " + HASHES + b" lib",
        b"? plain",
        b"? inner/",
        b"? .env",
        b"! node_modules/",
        b"",
    ]
    seen = parse_status(b"\0".join(records), copied=(".env",))
    assert seen == Status(
        head="a" * 40,
        branch="swarm/r/t",
        changed=(b"with space\nand line", b"new name", b"lib"),
        unstaged=(b"with space\nand line", b"lib"),
        unmerged=(b"x y",),
        untracked=(b"plain",),
        copies=(b".env",),
        nested=(b"inner/",),
        ignored=(b"node_modules/",),
        dirty_submodules=(b"lib",),
    )
    assert not seen.is_clean


def test_a_checkout_without_commit_or_branch_is_read():
    seen = parse_status(b"# branch.oid (initial)\0# branch.head (detached)\0")
    assert seen == Status()
    assert seen.is_clean


def test_a_diff_pairs_letters_with_lines():
    output = b"\0".join(
        [
            b":100644 000000 " + HASHES + b" D",
            b"gone",
            b":000000 100644 " + HASHES + b" A",
            b"b\tin\xff",
            b"0\t7\tgone",
            b"-\t-\tb\tin\xff",
            b"",
        ]
    )
    assert parse_diff(output) == [
        FileChange("gone", "D", 0, 7),
        FileChange("b\tin\\xff", "A", None, None),
    ]


@given(st.binary())
def test_any_name_becomes_text_that_can_be_stored(name: bytes):
    assert isinstance(readable(name).encode("utf-8"), bytes)


@given(st.binary())
def test_any_complaint_becomes_one_short_printable_line(stderr: bytes):
    line = first_words(stderr)
    assert len(line) <= MESSAGE_LIMIT_CHARS
    assert not line or line.isprintable()


def test_gits_own_words_come_before_hints():
    stderr = b"hint: do this\nwarning: that\nfatal: not so\nerror: later\n"
    assert first_words(stderr) == "not so"


def test_a_name_is_within_a_folder_only_by_whole_parts():
    assert is_within(b"conf/x", "conf")
    assert is_within(b"conf/", "conf/")
    assert not is_within(b"config", "conf")
