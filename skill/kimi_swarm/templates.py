"""Jinja in a sandbox: strict about names, bounded in steps and output.

Every value a person gives reaches a plan through the filter `yaml`, so that nothing in
it can be taken for YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kimi_swarm.core.strategy import StrategyError

MAX_OUTPUT_CHARACTERS = 2_000_000
MAX_STEPS = 100_000
_MAX_TASK_NAME = 41
_FEWEST_LINES = 2
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_LAST_OF_FOUR_DIGITS = 0xFFFF
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
_PADDING = frozenset(
    {"center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"}
)
_FILTERS = (
    "default first indent join last length list lower map reject replace select "
    "sort title trim unique upper"
)


class TemplateFaultError(StrategyError):
    """Raised when a template cannot be rendered; names the template and the line."""

    code = "template"

    def __init__(self, template: str, line: int | None, fact: str) -> None:
        where = template if line is None else f"{template}, line {line}"
        super().__init__(
            f"{where}: {fact}.", remedy="Correct the template, or choose another."
        )


class Part(NamedTuple):
    """An item of a list that becomes a task: its name, and what the person wrote."""

    name: str
    text: str


def render_text(source: str, values: Mapping[str, Any], *, template: str) -> str:
    """Render template text in the sandbox. Raises TemplateFaultError."""
    sandbox = _Sandbox()
    pieces: list[str] = []
    room = MAX_OUTPUT_CHARACTERS
    try:
        compiled = sandbox.compile(source, name=template, filename=template)
        made = sandbox.template_class.from_code(sandbox, compiled, sandbox.globals)
        for piece in made.generate(values):
            room -= len(piece)
            if room < 0:
                fact = f"makes more than {MAX_OUTPUT_CHARACTERS:,} characters"
                raise TemplateFaultError(template, None, fact)
            pieces.append(piece)
    except StrategyError:
        raise
    except TemplateSyntaxError as error:
        fact = _clause(error.message or "is no template")
        raise TemplateFaultError(template, error.lineno, fact) from None
    except (RecursionError, MemoryError):
        raise TemplateFaultError(template, None, "never comes to an end") from None
    except (
        TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        line = _line_in(template, error.__traceback__)
        raise TemplateFaultError(template, line, _clause(str(error))) from None
    return "".join(pieces)


def yaml_text(value: object) -> str:
    """Write a value on one line so that YAML reads back exactly it."""
    match value:
        case str():
            return '"' + "".join(map(_escaped, value)) + '"'
        case dict():
            pairs = (f"{yaml_text(str(k))}: {yaml_text(v)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(yaml_text, value)) + "]"
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as YAML")


def yaml_block(text: str, indent: int) -> str:
    """Write text under a key that stands `indent` spaces in: a block a person can edit.

    Falls back to `yaml_text` where a block would not read back exactly.
    """
    lines = text.split("\n")
    if len(lines) < _FEWEST_LINES or not (
        lines[-1] and all(map(str.isprintable, lines))
    ):
        return yaml_text(text)
    margin = " " * (indent + 2)
    return "\n".join(["|2-", *(margin + line if line else "" for line in lines)])


def one_line(text: str) -> str:
    """Fold text to one line without backticks, to stand after a file's name."""
    return " ".join(text.replace("`", "'").split())


def parts(items: Iterable[str], kept: Iterable[str] = ()) -> list[Part]:
    """Give every text a task name of its own; `kept` names are for other tasks."""
    taken = {"merged", *kept}
    made: list[Part] = []
    for text in items:
        words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        stem = words[:_MAX_TASK_NAME].strip("-") or "part"
        name, count = stem, 1
        while name in taken:
            count += 1
            suffix = f"-{count}"
            name = stem[: _MAX_TASK_NAME - len(suffix)] + suffix
        taken.add(name)
        made.append(Part(name, text))
    return made


class _Sandbox(ImmutableSandboxedEnvironment):
    """One rendering's environment: it counts steps and refuses what grows unseen."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.steps_left = MAX_STEPS
        own: dict[str, Callable[..., Any]] = {
            "yaml": yaml_text,
            "yaml_block": yaml_block,
            "one_line": one_line,
            "parts": parts,
            "_counted": self._counted,
        }
        self.filters = {n: self.filters[n] for n in _FILTERS.split()} | own
        self.globals = {"range": self._range, "refuse": _refuse}

    def _parse(
        self, source: str, name: str | None, filename: str | None
    ) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all(_OTHER_FILES):
            raise TemplateSyntaxError(
                "other templates cannot be taken in", node.lineno, name, filename
            )
        for loop in list(tree.find_all(nodes.For)):
            loop.iter = nodes.Filter(
                loop.iter, "_counted", [], [], None, None, lineno=loop.iter.lineno
            )
        return tree

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        self._spend(1)
        return super().call(context, obj, *args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _PADDING:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int) and isinstance(right, int)) or operator == "**":
            raise SecurityError(f"{operator} works on whole numbers only")
        return super().call_binop(context, operator, left, right)

    def _counted(self, items: Iterable[Any]) -> list[Any]:
        counted: list[Any] = []
        for item in items:
            self._spend(1)
            counted.append(item)
        return counted

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        if len(numbers) > MAX_STEPS:
            raise SecurityError(f"a range may hold at most {MAX_STEPS:,} numbers")
        return numbers

    def _spend(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise SecurityError(f"takes more than {MAX_STEPS:,} steps")


def _refuse(fact: str) -> str:
    raise StrategyError(
        f"The values do not go together: {fact}.",
        remedy="Change them and try again; nothing was started.",
    )


def _line_in(template: str, trace: TracebackType | None) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == template:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _clause(text: str) -> str:
    return " ".join(text.split()).rstrip(".") or "cannot be rendered"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"
