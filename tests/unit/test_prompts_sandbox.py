from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.plan_text import one_line, parts, yaml_block, yaml_text
from kimi_swarm.strict_yaml import load_yaml
from kimi_swarm.templates import TemplateFaultError, render_text

TEXTS = st.text(max_size=60)
LINES = st.lists(st.text(st.sampled_from("ab :#-'\"{}[]&*!|>%@`\t\\,?~"), max_size=8))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)


def refusal(source: str, **values: object) -> str:
    with pytest.raises(TemplateFaultError) as caught:
        render_text(source, values, template="own.yaml.j2")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("a\n{{ nobody }}", "own.yaml.j2, line 2: 'nobody' is undefined."),
        ("a\n\n{% if x", "own.yaml.j2, line 3: "),
        ("{% end %}", "own.yaml.j2, line 1: "),
        ("\n{{ v | nofilter }}", "own.yaml.j2, line 2: No filter named 'nofilter'."),
        ("\n{{ v.__class__ }}", "own.yaml.j2, line 2: access to attribute '__class__'"),
        ("{{ ''['__class__'].mro() }}", "own.yaml.j2, line 1: access to attribute"),
        ("{{ (v | map(attribute='__class__') | list)[0].x }}", "own.yaml.j2, line 1: "),
        ("{% include 'x' %}", "own.yaml.j2, line 1: other templates"),
        ("\n{% extends 'x' %}", "own.yaml.j2, line 2: other templates"),
        ("{{ 1 / 0 }}", "own.yaml.j2, line 1: division by zero."),
        ("{{ 'a' + 1 }}", "own.yaml.j2, line 1: can only concatenate str"),
        ("{{ v.append(1) }}", "own.yaml.j2, line 1: "),
        ("{{ lipsum() }}", "own.yaml.j2, line 1: 'lipsum' is undefined."),
    ],
)
def test_what_a_template_may_not_do_is_refused_with_its_line(
    source: str, sentence: str
):
    assert refusal(source, v=["x"]).startswith(sentence)


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{{ f(n - 1) + f(n - 1) if n }}{% endmacro %}{{ f(60) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ 'x' * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{% for i in range(99999) %}{{ 'abcdefghijklmnopqrstuvwxyz' }}{% endfor %}",
        "{% set f %}{% for i in range(999) %}{{ v }}{% endfor %}{% endset %}{{ f+f }}",
    ],
)
def test_what_would_never_end_or_fill_the_machine_is_refused(source: str):
    assert refusal("\n" + source, v="x" * 2000).startswith("own.yaml.j2, line 2: ")


NESTED = "".join(f"{{% for a{n} in [1, 2, 3, 4, 5] %}}" for n in range(12))
GROWING = {
    "loops over constants": NESTED + "{% endfor %}" * 12,
    "texts put together": "{% set v = v ~ v %}" * 40,
    "texts added": "{% set v = v + v %}" * 40,
    "lists added": "{% set v = [v] %}" + "{% set v = v + v %}" * 40,
    "blocks": "{% set v %}{{ v }}{{ v }}{% endset %}" * 40,
    "loops of text": "{% set f %}{% for i in range(9999) %}"
    + "a" * 9999
    + "{% endfor %}{% endset %}",
    "numbers": "{% set n = 99999999 %}" + "{% set n = n * n %}" * 40,
    "bytes": "{{ (1).to_bytes(999999999, 'big') | length }}",
    "indents": "{% set a = 'a\\nb' | indent(999999999) %}",
    "replacements": "{% set v = v | replace('x', v) | replace('x', v) %}",
    "joins": "{% set a = range(99999) | join(v) %}",
    "filters that map": "{% set a = v | list | map('replace', 'x', v ~ v) | list %}",
    "methods": "{{ v.replace('x', v) }}",
}


@pytest.mark.parametrize("way", sorted(GROWING))
def test_what_grows_without_being_written_is_refused_as_well(way: str):
    told = refusal("\n" + GROWING[way], v="x" * 2000)
    assert told.startswith("own.yaml.j2, line 2: "), told


def test_a_constant_loop_counts_anew_in_every_rendering():
    source = "{% for a in [1, 2] %}{{ a }}{% endfor %}"
    for _ in range(3):
        assert render_text(source, {}, template="t") == "12"


def test_a_text_may_be_filled_but_sees_only_what_it_is_given():
    source = "{{ text | filled('prompt', item=item) }}"
    item = {"name": "{{ secret }}", "items": 3, "deep": {"a": [1, None]}}
    values = {"text": "{{ item.name }} {{ item.items }} {{ item.deep }}"}
    told = render_text(source, {**values, "item": item, "secret": 1}, template="t")
    assert told == '{{ secret }} 3 {"a": [1, null]}'


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a\n{{ thing }}", "prompt, line 2: 'thing' is undefined"),
        ("{{ item.b }}", "prompt, line 1: 'dict object' has no attribute 'b'"),
        ("\n{{ item.__class__ }}", "prompt, line 2: access to attribute '__class__'"),
        ("{{ text }}", "prompt, line 1: 'text' is undefined"),
        ("{{ item | filled }}", "prompt, line 1: a text that is filled"),
        ("{% if item", "prompt, line 1: "),
        ("\n{% for i in range(999999) %}{% endfor %}", "prompt, line 2: a range"),
        (
            "{% for i in range(99) %}\n{% for j in range(9999)%}{% endfor %}{%endfor%}",
            "prompt, line 2: takes more than 100,000 steps",
        ),
        (
            "\n{% for i in range(9999) %}{{ item.a }}{% endfor %}",
            "prompt, line 2: makes more than 2,000,000 characters",
        ),
    ],
)
def test_a_filled_text_is_refused_by_its_own_name_and_line(text: str, fact: str):
    source = "\n\n{{ text | filled('prompt', item=item) }}"
    assert refusal(source, text=text, item={"a": "x" * 999}).startswith(fact)


def test_the_texts_that_are_filled_share_one_budget():
    source = "{% for i in range(50) %}{{ text | filled('prompt') }}{% endfor %}"
    text = "{% for i in range(9999) %}{% endfor %}"
    assert "takes more than 100,000 steps" in refusal(source, text=text)
    allowed = render_text(source, {"text": text}, template="t", items=5000)
    assert allowed == ""


def test_values_are_never_run_as_templates():
    value = "{{ 7 * 7 }}{% for %}"
    assert render_text("{{ v }}", {"v": value}, template="t") == value


def test_loops_know_their_end():
    source = "{% for x in v %}{{ x }}{{ '' if loop.last else ',' }}{% endfor %}"
    assert render_text(source, {"v": "abc"}, template="t") == "a,b,c"


@given(VALUES)
def test_a_value_written_as_yaml_reads_back_exactly(value: object):
    written = yaml_text(value)
    assert "\n" not in written
    assert load_yaml(f"k: {written}", origin="x") == {"k": value}


@given(TEXTS | LINES.map("\n".join))
def test_text_written_as_a_block_reads_back_exactly(text: str):
    document = f"tasks:\n  a:\n    prompt: {yaml_block(text, 4)}\n    x: 1\n"
    expected = {"tasks": {"a": {"prompt": text, "x": 1}}}
    assert load_yaml(document, origin="x") == expected


def test_several_lines_are_written_so_that_a_person_can_edit_them():
    assert yaml_block("a: b\n\nc", 4) == "|2-\n      a: b\n\n      c"


def test_a_value_that_yaml_has_no_word_for_is_refused():
    assert "object cannot be written as YAML" in refusal("{{ v | yaml }}", v=object())


def test_one_line_drops_breaks_and_ticks():
    assert one_line(" a\n`b`\t c ") == "a 'b' c"


def test_every_part_gets_a_task_name_of_its_own():
    texts = ["Header + navigation", "header navigation", "日本語", "merged", "app", "é"]
    assert [part.name for part in parts(texts, ["app"])] == [
        "header-navigation",
        "header-navigation-2",
        "part",
        "merged-2",
        "app-2",
        "part-2",
    ]


@given(st.lists(st.text(max_size=60), max_size=30))
def test_part_names_are_task_names_and_differ(texts: list[str]):
    names = [part.name for part in parts(texts)]
    assert len(set(names)) == len(texts)
    assert all(1 <= len(name) <= 41 and name[0].isalnum() for name in names)
