from __future__ import annotations

from pathlib import Path

import pytest

from kimi_swarm.core.items import Given
from kimi_swarm.core.strategy import ParameterError, StrategyError
from kimi_swarm.strategies import Found, Origin
from kimi_swarm.strict_yaml import YamlError, load_yaml

TYPES = """{#
summary: Every type.
parameters:
  s: {default: a, help: x}
  i: {type: integer, default: 3, help: x}
  b: {type: boolean, default: false, help: x}
  l: {type: list, default: [a], help: x}
  m: {type: mapping, default: {k: v}, help: x}
  o: {required: false, help: x}
#}
{{ [s, i, b, l, m, o] | yaml }}
"""


def rendered(tmp_path: Path, source: str, values: dict[str, str]) -> object:
    path = tmp_path / "own.yaml.j2"
    path.write_text(source)
    found = Found("own", path, Origin.USER)
    given = {key: Given(value) for key, value in values.items()}
    return load_yaml(found.render(given), origin="own")


def test_values_take_the_type_that_is_declared(tmp_path: Path):
    assert rendered(tmp_path, TYPES, {}) == ["a", 3, False, ["a"], {"k": "v"}, None]
    values = {
        "s": " b:",
        "i": "-7",
        "b": "On",
        "l": "x, y,,",
        "m": '{"a": [1, null]}',
        "o": "~",
    }
    assert rendered(tmp_path, TYPES, values) == [
        *(" b:", -7, True, ["x", "y"]),
        *({"a": [1, None]}, "~"),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("i", "1.5"),
        ("i", "9" * 30),
        ("b", "2"),
        ("m", "[1]"),
        ("m", '{"a": NaN}'),
        ("m", '{"a": 1e999}'),
        ("m", '{"a": "\\ud800"}'),
        ("m", '{"a":' * 5000),
        ("l", '[["a"]]'),
    ],
)
def test_values_of_another_type_are_refused(tmp_path: Path, name: str, value: str):
    with pytest.raises(ParameterError, match=rf"^Strategy \"own\": {name} "):
        rendered(tmp_path, TYPES, {name: value})


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ("tasks: {}", "must begin with a comment"),
        ("{#\nparameters: {}\n#}\n", "summary: is required"),
        ("{#\nsummary: x\nparametres: {}\n#}\n", 'did you mean "parameters"?'),
        (
            "{#\nsummary: x\nparameters:\n  a: {type: word, help: x}\n#}\n",
            "must be one of string, text, integer, number, boolean, choice, list",
        ),
        (
            "{#\nsummary: x\nparameters:\n a: {type: integer, default: b, help: x}\n#}",
            "its default is no integer",
        ),
        ("{#\nsummary: x\nparameters:\n  a: 5\n#}\n", "must be a mapping"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(
    tmp_path: Path, source: str, fact: str
):
    with pytest.raises(StrategyError, match=r"^own\.yaml\.j2") as caught:
        rendered(tmp_path, source, {})
    assert fact in str(caught.value)


def test_a_header_that_is_no_yaml_is_refused_with_the_templates_own_line(
    tmp_path: Path,
):
    with pytest.raises(YamlError, match=r"^own\.yaml\.j2, header, line 3"):
        rendered(tmp_path, "{#\nsummary: x\nparameters: a: b\n#}\n", {})
