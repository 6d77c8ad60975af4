"""Plain command lines are read as the real parser reads them, or left to it."""

from __future__ import annotations

from argparse import Namespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.cli.arguments import HOT, parser_for
from kimi_swarm.cli.quick import read_plainly
from kimi_swarm.errors import UsageError

WORDS = """
    --json --limit --timeout-s --as --offset --raw --follow -f --any --all --size
    --limit=3 -- -h -x --lim -5 0 7 20 1.5 1e3 nan 10000001 123456789012 ² calm-river
    calm-river/header me
""".split()  # noqa: SIM905 as they are typed


def carefully(verb: str, words: list[str]) -> Namespace | None:
    add, summary = HOT[verb]
    parser = parser_for(verb, add, prog="swarm", summary=summary)
    try:
        return parser.parse_args(words)
    except UsageError:
        return None


@given(verb=st.sampled_from(sorted(HOT)), words=st.lists(st.sampled_from(WORDS)))
def test_what_is_read_plainly_is_what_the_real_parser_reads(
    verb: str, words: list[str]
):
    plainly = read_plainly(verb, words)
    if plainly is not None:
        read = carefully(verb, words)
        assert read is not None
        assert vars(plainly) == vars(read)
        assert {name: type(value) for name, value in vars(plainly).items()} == {
            name: type(value) for name, value in vars(read).items()
        }


@pytest.mark.parametrize(
    "line",
    [
        "list",
        "list calm-river --json",
        "list --limit 5",
        "poll calm-river --as me --timeout-s 30",
        "poll calm-river/header",
        "log calm-river/header --offset 0 --limit 50",
        "log -f calm-river/header",
        "wait calm-river",
        "wait calm-river --any --as me --timeout-s 600",
        "kill --all",
        "kill calm-river/header --json",
    ],
)
def test_what_is_called_often_is_read_plainly(line: str):
    verb, *words = line.split()
    assert read_plainly(verb, words) is not None
