"""The demo worker's grammar and what it writes."""

from __future__ import annotations

import ast
import json
from html.parser import HTMLParser

import pytest

from kimi_swarm.workers.demo import Order, orders
from kimi_swarm.workers.demo_content import Source, content

WICKED = 'a "quoted" </p><script>x</script> {brace} */ `tick` \\ end'


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("Create `a.txt`: a note.", Order("a.txt", "a note", ())),
        ("- Write `a b.txt` - a note", Order("a b.txt", "a note", ())),
        ("  * Update `x/a.txt`", Order("x/a.txt", "", ())),
        ("12. Create `a.txt` note", Order("a.txt", "note", ())),
        ("3) Create `a` with `b`", Order("a", "with `b`", ())),
        (
            "Write `all.md` a digest from `a.md`, `b.md`, and `c.md`.",
            Order("all.md", "a digest", ("a.md", "b.md", "c.md")),
        ),
        ("Write `a` from `b` as in `c`", Order("a", "as in `c`", ("b",))),
        ("Write `a` from `b`: a digest.", Order("a", "a digest", ("b",))),
        ("Write `a` from the `b`", Order("a", "from the `b`", ())),
        ("Create `a` from scratch", Order("a", "from scratch", ())),
        ("Create ``", Order("", "", ())),
    ],
)
def test_a_line_that_begins_with_the_word_asks_for_a_file(line: str, order: Order):
    assert orders(f"Do this:\n{line}\nThank you.") == [order]


@pytest.mark.parametrize(
    "line",
    [
        "create `a.txt`",
        "Please Create `a.txt`",
        "Create a.txt",
        "Write a summary of `a.txt`",
        "Created `a.txt`",
        "Create `a.txt",
        "#Create `a.txt`",
    ],
)
def test_other_lines_ask_for_nothing(line: str):
    assert orders(line) == []


def test_orders_keep_their_order():
    prompt = "Create `b`\r\nCreate `a`\nCreate `b` again"
    assert [order.path for order in orders(prompt)] == ["b", "a", "b"]


@pytest.mark.parametrize(
    "suffix", ["html", "tsx", "jsx", "py", "css", "ts", "json", "md", "txt"]
)
def test_the_same_words_make_the_same_file_and_are_in_it(suffix: str):
    made = content(f"x/my-part.{suffix}", "what it shows")
    assert made == content(f"x/my-part.{suffix}", "what it shows")
    assert "what it shows" in made
    assert made.endswith("\n")


def test_a_fragment_and_a_page_are_well_formed_and_hold_their_parts():
    part = content("parts/card.html", WICKED)
    page = content("index.html", WICKED, [Source("parts/card.html", part)])
    assert part in page
    assert page.startswith("<!doctype html>")
    assert '<section id="card">' in part
    for made in (part, page):
        assert "<script>" not in made
        assert open_tags(made) == []


def open_tags(made: str) -> list[str]:
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, _attrs: object) -> None:
            tags.extend([] if tag == "meta" else [tag])

        def handle_endtag(self, tag: str) -> None:
            assert tags.pop() == tag

    Reader().feed(made)
    return tags


def test_a_part_that_is_no_page_is_quoted_in_one():
    assert "<pre>a &lt; b</pre>" in content("i.html", "", [Source("a.txt", "a < b")])


def test_a_component_imports_its_parts_into_a_grid():
    sources = [
        Source("src/parts/Header.tsx", "…"),
        Source("src/side-bar.tsx", "…"),
        Source("lib/Header.jsx", "…"),
        Source("src/look.css", "…"),
        Source("src/notes.txt", "say {hello}"),
    ]
    assert content("src/App.tsx", 'the "app"', sources) == (
        'import Header from "./parts/Header";\n'
        'import PartSidebar from "./side-bar";\n'
        'import Header3 from "../lib/Header";\n'
        'import "./look.css";\n'
        "\n"
        "export default function App() {\n"
        "  return (\n"
        '    <section className="app">\n'
        "      <h2>App</h2>\n"
        '      <p>{"the \\"app\\""}</p>\n'
        '      <div className="grid">\n'
        "        <Header />\n"
        "        <PartSidebar />\n"
        "        <Header3 />\n"
        '        <pre>{"say {hello}"}</pre>\n'
        "      </div>\n"
        "    </section>\n"
        "  );\n"
        "}\n"
    )


def test_a_component_has_a_name_whatever_its_file_is_called():
    for path in ("9-lives.tsx", "._.tsx", "App.tsx"):
        assert "export default function " in content(path, "")
    assert "function Part9Lives()" in content("9-lives.tsx", "")


def test_python_compiles_and_says_what_was_asked():
    made = content("src/9-lives.py", WICKED)
    found: dict[str, object] = {}
    exec(compile(ast.parse(made), "made", "exec"), found)  # noqa: S102 our own text
    make = found["make_9_lives"]
    assert callable(make)
    assert make() == WICKED


def test_json_holds_its_parts_as_values_where_they_are_json():
    parts = [Source("a.json", '{"n": 1}'), Source("b.txt", "words")]
    made = json.loads(content("all.json", WICKED, parts))
    assert made == {
        "name": "All",
        "description": WICKED,
        "parts": [{"n": 1}, "words"],
    }


def test_a_style_sheet_s_comment_cannot_be_left_early():
    made = content("a.css", WICKED)
    assert made.count("*/") == 1


@pytest.mark.parametrize("suffix", ["md", "txt", "py", "css"])
def test_other_files_are_joined_in_order(suffix: str):
    parts = [Source("a", "first\n"), Source("b", "second\n")]
    made = content(f"all.{suffix}", "both", parts)
    assert made.endswith("\nfirst\n\nsecond\n")
