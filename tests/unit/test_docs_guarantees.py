"""The guarantees name tests that exist."""

from __future__ import annotations

import re

import pytest

from fakes.swarm import ROOT

NAMED = re.findall(
    r"`(\w+/\w+\.py)::(\w+)`", (ROOT / "docs" / "guarantees.md").read_text("utf-8")
)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_holds_a_promise_exists(file: str, name: str):
    text = (ROOT / "tests" / file).read_text("utf-8")
    assert re.search(rf"^(async )?def {name}\(|^{name} = ", text, re.MULTILINE)


def test_every_row_of_a_promise_names_a_test():
    rows = (ROOT / "docs" / "guarantees.md").read_text("utf-8").split("## Campaigns")[0]
    promises = [line for line in rows.splitlines() if line.startswith("| ")]
    unnamed = [line for line in promises if "::" not in line]
    assert set(unnamed) == {"| promise | held by |"}
    assert len(NAMED) > 20
