from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.actions.values import LIMIT_BYTES, given_values
from kimi_swarm.core.items import Given, items_of
from kimi_swarm.core.strategy import Strategy, parse_strategy
from kimi_swarm.errors import SwarmError, UsageError
from kimi_swarm.plan_text import item_parts
from kimi_swarm.strict_yaml import PlanFileError

JSON = st.recursive(
    st.booleans() | st.integers(-99, 99) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "source", "items"),
    [
        ("a\n\n b,c \r\n", "x.txt", ["a", "b,c"]),
        ('{"a": 1}\n\n{"a": 2}\n', "-", [{"a": 1}, {"a": 2}]),
        ('"a"\n3\n[1]\n', "x.jsonl", ["a", 3, [1]]),
        ('"a"\n', "x", ['"a"']),
        ('[{"a": 1}, "b"]', "x.json", [{"a": 1}, "b"]),
        ('["a,b", 2]', "", ["a,b", 2]),
        ("a, b,", "", ["a", "b"]),
        (
            'sku,"a ""b"""\n1,"two\nlines"\n\n2,x\n',
            "X.CSV",
            [{"sku": "1", 'a "b"': "two\nlines"}, {"sku": "2", 'a "b"': "x"}],
        ),
    ],
)
def test_items_are_read_by_the_name_of_their_file(
    text: str, source: str, items: list[object]
):
    assert items_of(Given(text, source)) == items


@pytest.mark.parametrize(
    ("text", "source", "fact"),
    [
        ("\n \n", "-", "must have at least one item"),
        ("a\n" * 5001, "-", "must have at most 5,000 items, not 5,001"),
        ('{"a": 1}\n{"a": \n', "-", 'line 2 is no JSON: "{"a":"'),
        ("1\nnull\n", "x.jsonl", "line 2 is null"),
        ("[1, null]", "x.json", "has no item 2: it is null"),
        ("{}", "x.json", "must be one JSON array"),
        ('{"a": NaN}', "-", "line 1 is no JSON"),
        ("a,a\n1,2\n", "x.csv", "line 1 must name every column, each once"),
        ("a,\n1,2\n", "x.csv", "line 1 must name every column, each once"),
        ("a,b\n1,2\n1\n", "x.csv", "line 3 has 1 values, not 2 as line 1 names"),
        ('a\n"1\n', "x.csv", "line 2 is no CSV"),
        ("a\n", "x.csv", "must have at least one item"),
    ],
)
def test_items_that_make_no_sense_are_refused_with_their_line(
    text: str, source: str, fact: str
):
    with pytest.raises(ValueError, match=r".") as caught:
        items_of(Given(text, source))
    assert str(caught.value).startswith(fact)


@given(st.lists(JSON, max_size=12), st.randoms())
def test_equal_items_get_the_same_names_in_any_order(
    items: list[object], random: Random
):
    mixed = items.copy()
    random.shuffle(mixed)
    first, second = item_parts(items), item_parts(mixed)
    assert {one.name for one in first} == {one.name for one in second}
    assert len({one.name for one in first}) == len(items)
    for part in [*first, *second]:
        assert part.name.startswith("item-")
        assert len(part.text) <= 80
        assert part.text.isprintable()
    by_name = {one.name: json.dumps(one.value, sort_keys=True) for one in first}
    for one in second:
        assert by_name[one.name] == json.dumps(one.value, sort_keys=True)


def test_an_item_keeps_its_name_whatever_comes_beside_it():
    alone = item_parts([{"b": 1, "a": 2}])
    assert item_parts(["x", {"a": 2, "b": 1}])[1].name == alone[0].name
    assert [one.name[-2:] for one in item_parts(["x", "x", "x"])][1:] == ["-2", "-3"]


STRATEGY: Strategy = parse_strategy(
    "own",
    {
        "summary": "x",
        "parameters": {
            "words": {"help": "x", "default": None},
            "long": {"type": "text", "help": "x", "default": None},
            "shape": {"type": "mapping", "help": "x", "default": None},
            "things": {"type": "items", "help": "x", "default": None},
        },
    },
    origin="own",
)


def read(tmp_path: Path, piped: bytes | None = None, **values: str) -> dict[str, Given]:
    reader = None if piped is None else (lambda count: piped[:count])
    return given_values(STRATEGY, values, cwd=tmp_path, read_piped=reader)


def test_long_values_come_from_files_and_standard_input(tmp_path: Path):
    (tmp_path / "a.md").write_text("Do\nit.")
    (tmp_path / "b.yaml").write_text("type: object\n")
    found = read(tmp_path, b"x\ny\n", long="@a.md", shape="@b.yaml", things="-")
    filled = STRATEGY.filled(found)
    assert filled == {
        "words": None,
        "long": "Do\nit.",
        "shape": {"type": "object"},
        "things": ["x", "y"],
    }


def test_plain_words_are_never_read_from_files(tmp_path: Path):
    assert read(tmp_path, words="@a.md")["words"] == Given("@a.md")
    assert read(tmp_path, words="-")["words"] == Given("-")


@pytest.mark.parametrize(
    ("values", "piped", "kind", "fact"),
    [
        ({"things": "@none.csv"}, None, PlanFileError, "none.csv does not exist"),
        ({"things": "-"}, None, UsageError, "nothing is piped in"),
        ({"things": "-", "long": "-"}, b"x", UsageError, "Only one parameter"),
        ({"things": "-"}, b"\xff", PlanFileError, "is not UTF-8 text"),
        ({"things": "-"}, b"x" * (LIMIT_BYTES + 1), PlanFileError, "is bigger than"),
    ],
)
def test_values_that_cannot_be_read_are_refused(
    tmp_path: Path,
    values: dict[str, str],
    piped: bytes | None,
    kind: type[SwarmError],
    fact: str,
):
    with pytest.raises(kind) as caught:
        read(tmp_path, piped, **values)
    assert fact in str(caught.value)
    assert caught.value.exit_code == 2
