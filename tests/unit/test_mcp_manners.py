"""What tools are said to do: something of its own for every action."""

from __future__ import annotations

import re
from pathlib import Path

from kimi_swarm.calls.catalogue import CALLS
from kimi_swarm.mcp.tools import MANNERS, Manner, tool_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "mcp.md"


def told_of(text: str) -> set[str]:
    """Return the tools that a text names."""
    return set(re.findall(r"`(\w+)`", text)) & set(CALLS)


def test_every_action_has_words_to_find_it_by_and_hints_of_its_own():
    assert MANNERS.keys() == CALLS.keys()


def test_what_only_reads_destroys_nothing():
    assert not any(each.reads and each.destroys for each in MANNERS.values())


def test_the_document_says_of_each_tool_what_it_is_marked_as():
    (hints,) = re.findall(
        r"^- \*\*Hints\.\*\*(.*?)(?=^- )", DOCS.read_text(), re.MULTILINE | re.DOTALL
    )
    reading, rest = re.split(r"marked as\s+reading", hints)
    destroying, rest = re.split(r"`pause`", rest)
    assert told_of(reading) == {name for name, one in MANNERS.items() if one.reads}
    assert told_of(destroying) == {
        name for name, one in MANNERS.items() if one.destroys
    }
    assert told_of(reading) | told_of(destroying) | {"pause"} == set(CALLS)
    assert not told_of(rest)


def test_every_action_can_be_listed():
    for name in CALLS:
        tool = tool_of(name, is_structured=True)
        assert tool.input_schema["type"] == "object"
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"


def test_a_description_fits_what_searches_show():
    assert max(len(each.words) for each in MANNERS.values()) <= 200
    assert isinstance(MANNERS["spawn"], Manner)
