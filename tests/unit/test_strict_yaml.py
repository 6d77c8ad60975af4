from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_swarm import strict_yaml
from kimi_swarm.strict_yaml import (
    MAX_FILE_BYTES,
    PlanFileError,
    YamlError,
    dump_yaml,
    load_yaml,
    read_yaml,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _with_either_parser(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = getattr(yaml, request.param, None)
    if loader is None:
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(strict_yaml, "_LOADER", loader)


def refusal(text: str) -> str:
    with pytest.raises(YamlError) as caught:
        load_yaml(text, origin="plan.yaml")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("2026-11-20", "2026-11-20"),
        ("12:30:00", "12:30:00"),
        ("1:30", "1:30"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("5", 5),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("", None),
    ],
)
def test_only_null_true_false_and_numbers_are_more_than_text(text: str, value: object):
    assert load_yaml(text, origin="x") == value
    assert type(load_yaml(text, origin="x")) is type(value)


def test_every_key_is_text_as_it_is_written():
    data = load_yaml("on: 1\nno: 2\n1: 3\nnull: 4\n2026-01-01: 5", origin="x")
    assert list(data) == ["on", "no", "1", "null", "2026-01-01"]


def test_a_key_that_stands_twice_is_refused_with_its_line():
    assert refusal("a: 1\nb:\n  c: 1\n  c: 2") == (
        "plan.yaml, line 4, column 3: the key 'c' stands here a second time."
    )


def test_keys_that_yaml_would_read_as_one_value_are_told_apart_from_text():
    assert "second time" in refusal("on: 1\n'on': 2")


def test_an_anchor_that_holds_itself_is_refused():
    assert "*a stands inside what it repeats" in refusal("a: &a\n  b: [*a]")


def test_an_alias_without_an_anchor_is_refused():
    assert "nothing before it is named &b" in refusal("a: *b")


def test_an_alias_repeats_what_is_anchored():
    assert load_yaml("a: &x {n: [1, 2]}\nb: *x", origin="x")["b"] == {"n": [1, 2]}


def test_aliases_that_multiply_are_refused_before_they_grow():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 30):
        inner = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{inner}]")
    assert "repeat more than 50,000 values" in refusal("\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_deep_nesting_is_refused(text: str):
    assert "nested deeper than 100" in refusal(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b: c", "line 1, column 5"),
        ("a:\n\t- b", "line 2, column 1"),
        ("a: |\n  b\n c", "line 3"),
        ("a: 'open", "line 1"),
        ("a: [1,", "line"),
    ],
)
def test_what_is_no_yaml_is_refused_with_line_and_column(text: str, place: str):
    assert refusal(text).startswith(f"plan.yaml, {place}")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("--- 1\n--- 2", "a second document begins"),
        ("[a]: 1", "a key must be text"),
        ("? {a: 1}\n: 2", "a key must be text"),
        ("a: &k [x]\nb:\n  *k : 1", "a key must be text"),
        ("<<: {a: 1}", "merge keys"),
        ("!!set {a}", "the tag 'tag:yaml.org,2002:set' is not used here"),
        ("!!timestamp 2026-01-01", "is not used here"),
        ("!!binary aGk=", "is not used here"),
        ("a: !own b", "is not used here"),
        ("n: 1e999", "too big"),
        ("n: 9999999999999999999", "too big"),
        ("a: \x07", "U+0007"),
        ("a: \ud800", "U+D800"),
    ],
)
def test_parts_of_yaml_that_surprise_are_refused(text: str, fact: str):
    assert fact in refusal(text)


def test_an_escape_that_is_no_character_is_refused():
    assert "scape" in refusal('a: "\\ud800"')


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str):
    with suppress(YamlError):  # anything else is a defect
        load_yaml(text, origin="x")


@given(PLAIN)
@example(["0E0", "12e4567", "1.5e3", "5", "true", "~", "on", "2026-11-20"])
@example({"a\x85b": "\u2028 \u2029", "\x85": "x\n\x85"})
def test_plain_data_comes_back_as_it_was_written(data: object):
    assert load_yaml(dump_yaml(data), origin="x") == data


def test_written_text_is_quoted_only_where_it_would_be_read_as_something_else():
    commits = {"base": "12e4567", "name": "words of a name"}
    assert dump_yaml(commits) == "base: '12e4567'\nname: words of a name\n"


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"a: \x00\x01", "is binary, not text"),
        (b"\x7fELF\x00", "is binary, not text"),
        (b"a: \xe9", "is not UTF-8 text (byte 4)"),
        (b"#" * (MAX_FILE_BYTES + 1), "is bigger than 2,097,152 bytes"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, fact: str):
    path = tmp_path / "plan.yaml"
    path.write_bytes(content)
    with pytest.raises(PlanFileError, match=r"plan\.yaml") as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path} {fact}."


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(PlanFileError, match="does not exist"):
        read_yaml(tmp_path / "none.yaml")


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(PlanFileError, match="is a folder, not a file"):
        read_yaml(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PlanFileError, match="is not a plain file"):
        read_yaml(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path):
    path = tmp_path / "plan.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    with pytest.raises(PlanFileError, match="cannot be read"):
        read_yaml(path)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str):
    with pytest.raises(PlanFileError, match=r"cannot be read|does not exist"):
        read_yaml(tmp_path / name)


def test_a_mark_at_the_start_of_a_file_is_not_content(tmp_path: Path):
    (tmp_path / "plan.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(tmp_path / "plan.yaml") == {"a": 1}


def test_a_strange_name_of_a_file_stays_on_one_line(tmp_path: Path):
    with pytest.raises(PlanFileError) as caught:
        read_yaml(tmp_path / "a\n\x1b[2J")
    assert str(caught.value).isprintable()
