"""YAML as people mean it: plain data, or one sentence that says where it is wrong.

Text is read event by event, so that neither depth nor aliases can exhaust the machine.
Only null, true, false and numbers are more than text: `on`, `no` and dates stay text,
and so does every key.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kimi_swarm.errors import SwarmError

MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_ALIASED_NODES = 50_000
MAX_DEPTH = 100
_MAX_DIGITS = 18

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = (None, "!", f"{_TAG}str")
_LIST_OR_MAPPING_TAGS = (None, f"{_TAG}seq", f"{_TAG}map")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_ODD_BREAK = re.compile("[\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # the Python parser lets them through


class PlanFileError(SwarmError):
    """Raised when a file that people write cannot be read."""

    code = "plan_file"

    def __init__(self, origin: str, fact: str, *, remedy: str = "") -> None:
        super().__init__(f"{origin} {fact}.", remedy=remedy)


class YamlError(PlanFileError):
    """Raised when text is no YAML, or uses a part of YAML that is refused here."""

    code = "yaml"

    def __init__(self, origin: str, fact: str, *, line: int, column: int) -> None:
        where = f"{origin}, line {line}, column {column}:"
        super().__init__(where, fact, remedy="Correct the text there and try again.")
        self.line = line
        self.column = column


class _RefusedError(Exception):
    """Raised inside this module for an event that is not taken."""


class _Anchored(NamedTuple):
    value: object
    nodes: int


class _Open:
    """A list or mapping that is still being read."""

    def __init__(self, into: list[Any] | dict[str, Any], anchor: str | None) -> None:
        self.into = into
        self.anchor = anchor
        self.key: str | None = None
        self.nodes = 1

    @property
    def awaits_key(self) -> bool:
        return isinstance(self.into, dict) and self.key is None

    def take(self, value: object, nodes: int) -> None:
        self.nodes += nodes
        if isinstance(self.into, list):
            self.into.append(value)
        elif self.key is None:
            self.key = self._new_key(value)
        else:
            self.into[self.key] = value
            self.key = None

    def _new_key(self, value: object) -> str:
        if not isinstance(value, str):
            raise _RefusedError("a key must be text")
        if value in self.into:
            raise _RefusedError(f"the key {value[:60]!r} stands here a second time")
        return value


class _Document:
    """One document on its way from events to plain data."""

    def __init__(self) -> None:
        self.count = 0
        self.root: object = None
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.aliased_nodes = 0

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.count += 1
                if self.count > 1:
                    raise _RefusedError("a second document begins; only one is read")
            case yaml.ScalarEvent():
                self._place(self._scalar(event), 1, event.anchor)
            case yaml.AliasEvent():
                self._alias(str(event.anchor))
            case yaml.MappingStartEvent():
                self._start(event, {})
            case yaml.SequenceStartEvent():
                self._start(event, [])
            case yaml.CollectionEndEvent():
                ended = self.open.pop()
                self._place(ended.into, ended.nodes, ended.anchor)
            case _:
                pass  # where streams and documents end means nothing here

    def _place(self, value: object, nodes: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = _Anchored(value, nodes)
        if self.open:
            self.open[-1].take(value, nodes)
        else:
            self.root = value

    def _start(self, event: Any, into: list[Any] | dict[str, Any]) -> None:
        if event.tag not in _LIST_OR_MAPPING_TAGS:
            raise _RefusedError(f"the tag {event.tag!r} is not used here")
        if self.open and self.open[-1].awaits_key:
            raise _RefusedError("a key must be text, not a list or mapping")
        if len(self.open) >= MAX_DEPTH:
            raise _RefusedError(
                f"lists and mappings are nested deeper than {MAX_DEPTH}"
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.open.append(_Open(into, event.anchor))

    def _alias(self, name: str) -> None:
        if name not in self.anchors:
            raise _RefusedError(f"nothing before it is named &{name[:60]}")
        anchored = self.anchors[name]
        if anchored is None:
            raise _RefusedError(f"*{name[:60]} stands inside what it repeats")
        self.aliased_nodes += anchored.nodes
        if self.aliased_nodes > MAX_ALIASED_NODES:
            raise _RefusedError(
                f"aliases repeat more than {MAX_ALIASED_NODES:,} values"
            )
        self._place(anchored.value, anchored.nodes, None)

    def _scalar(self, event: Any) -> object:
        if event.tag not in _TEXT_TAGS:
            raise _RefusedError(f"the tag {event.tag!r} is not used here")
        text: str = event.value
        if _SURROGATE.search(text):
            raise _RefusedError("an escape here is no character")
        is_plain = event.tag is None and event.implicit[0]
        if self.open and self.open[-1].awaits_key:
            if is_plain and text == "<<":
                raise _RefusedError("merge keys (<<) are not used here; use defaults")
            return text
        return _meaning(text) if is_plain else text


def load_yaml(text: str, *, origin: str) -> Any:
    """Turn YAML text into None, bool, int, float, str, lists and str-keyed dicts.

    `origin` is what to call the source in a refusal. Raises YamlError.
    """
    if bad := _UNPRINTABLE.search(text.removeprefix("\ufeff")):
        before = text.removeprefix("\ufeff")[: bad.start()]
        fact = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise YamlError(origin, fact, line=before.count("\n") + 1, column=column)
    document = _Document()
    mark = None
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            mark = event.start_mark
            document.take(event)
    except yaml.YAMLError as error:
        fact = str(getattr(error, "problem", None) or error)
        raise _yaml_error(origin, fact, getattr(error, "problem_mark", mark)) from None
    except _RefusedError as refusal:
        raise _yaml_error(origin, str(refusal), mark) from None
    return document.root


def origin_of(path: Path) -> str:
    """Return what to call a file in a sentence: its path, on one line."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def read_text(path: Path, *, limit_bytes: int = MAX_FILE_BYTES) -> str:
    """Read a file that a person wrote.

    Raises PlanFileError if it is missing, unreadable, no plain file, too big, no text.
    """
    origin = origin_of(path)
    try:
        if path.is_dir():
            raise PlanFileError(origin, "is a folder, not a file")
        if path.exists() and not path.is_file():
            raise PlanFileError(origin, "is not a plain file")
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        remedy = "Check the name, and from which folder it counts."
        raise PlanFileError(origin, "does not exist", remedy=remedy) from None
    except (OSError, ValueError) as error:
        fact = getattr(error, "strerror", None) or str(error)
        raise PlanFileError(origin, f"cannot be read ({fact})") from None
    if len(content) > limit_bytes:
        raise PlanFileError(origin, f"is bigger than {limit_bytes:,} bytes")
    if b"\0" in content:
        raise PlanFileError(origin, "is binary, not text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fact = f"is not UTF-8 text (byte {error.start + 1})"
        raise PlanFileError(origin, fact, remedy="Save it as UTF-8.") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file as `load_yaml` does. Raises PlanFileError, YamlError."""
    return load_yaml(read_text(path), origin=origin_of(path))


class _Dumper(yaml.SafeDumper):
    """Quotes what this module reads as more than text; PyYAML knows fewer numbers."""


def _written(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    try:
        is_plain = _meaning(text) == text
    except _RefusedError:
        is_plain = False
    style = None if is_plain else "'"
    if _ODD_BREAK.search(text):
        style = '"'  # only there PyYAML writes them as escapes
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _written)


def dump_yaml(data: object) -> str:
    """Write plain data as YAML that `load_yaml` reads as what it was."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def _meaning(text: str) -> bool | int | float | str | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > _MAX_DIGITS:
            raise _RefusedError("this number is too big")
        return int(text)
    if _NUMBER.fullmatch(text) and not text.isdigit():
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise _RefusedError("this number is too big")
        return number
    return text


def _yaml_error(origin: str, fact: str, mark: Any) -> YamlError:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return YamlError(origin, fact, line=line, column=column)
