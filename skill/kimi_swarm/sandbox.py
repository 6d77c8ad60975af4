"""Jinja's sandbox made narrower: what a template does is counted, and then refused.

A template may come from a stranger. It sees values only, calls a few harmless methods,
and neither its steps nor what it writes can grow without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import process_time
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kimi_swarm.plan_text import plain_text

MAX_OUTPUT_CHARACTERS = 2_000_000
MAX_STEPS = 100_000
MAX_CPU_S = 20
MAX_NUMBER = 10**18
HANDS = 5
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_FILTERS = (
    "default first last length list lower map reject rejectattr select selectattr sort "
    "title trim unique upper"
)
_OF_TEXTS = (
    "capitalize count endswith find isalpha isdigit lower lstrip removeprefix "
    "removesuffix rstrip split splitlines startswith strip title upper"
)
# Of plain values only what can make nothing big; anything else Jinja's sandbox judges.
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(_OF_TEXTS.split()),
    int: frozenset(),
    float: frozenset(),
    bytes: frozenset(),
}


class Budget:
    """How much a rendering may still do: steps, characters, seconds of the processor.

    A text passes through several hands before it is written, and counts each time.
    """

    def __init__(
        self, steps: int = MAX_STEPS, characters: int = MAX_OUTPUT_CHARACTERS
    ) -> None:
        self.most_steps = self._steps = steps
        self.most_characters = characters
        self._characters = characters * HANDS
        self._until_s = process_time() + MAX_CPU_S

    def step(self) -> None:
        """Spend a step. Raises SecurityError when there are none left."""
        self._steps -= 1
        if self._steps < 0:
            raise SecurityError(f"takes more than {self.most_steps:,} steps")
        if process_time() > self._until_s:
            raise SecurityError(f"takes more than {MAX_CPU_S} seconds")

    def write(self, count: int) -> None:
        """Spend characters. Raises SecurityError when there are none left."""
        self._characters -= count
        if self._characters < 0 or count > self.most_characters:
            raise SecurityError(f"makes more than {self.most_characters:,} characters")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one rendering, which counts for it."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, budget: Budget, filters: Mapping[str, Any]) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=self._shown,
        )
        self.budget = budget
        bounded = {
            "indent": self._indented,
            "join": self._joined,
            "replace": self._replaced,
            "_counted": self._counted,
            "_glued": self._joined,
        }
        kept = {name: self.filters[name] for name in _FILTERS.split()}
        self.filters = {**kept, **filters, **bounded}
        self.globals = {"range": self._range}

    def _parse(
        self, source: str, name: str | None, filename: str | None
    ) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all(_OTHER_FILES):
            raise TemplateSyntaxError(
                "other templates cannot be taken in", node.lineno, name, filename
            )
        for loop in list(tree.find_all(nodes.For)):
            weight = nodes.Const(_weight(loop))
            loop.iter = _filtered("_counted", loop.iter, [weight])
        _measure_concatenation(tree)
        return tree

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, for a step."""
        self.budget.step()
        return super().call(context, obj, *args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may have an attribute: of plain values only a few."""
        for kind, allowed in _METHODS.items():
            if isinstance(obj, kind):
                return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `obj.attribute`, or what is undefined."""
        # What an item calls `items` or `values` is meant, not a method of mappings.
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Do a sum that cannot grow unseen. Raises SecurityError."""
        if operator == "+" and isinstance(left, str):
            self.budget.write(len(left) + _size(right))
            return left + right
        if operator == "+" and isinstance(left, list | tuple):
            if len(left) + _size(right) > MAX_STEPS:
                raise SecurityError(f"a list may hold at most {MAX_STEPS:,} items")
            return left + right
        for number in (left, right):
            if not isinstance(number, int | float) or abs(number) > MAX_NUMBER:
                raise SecurityError(f"{operator} works on numbers of usual size only")
        if operator == "**":
            raise SecurityError("** is not used here")
        return super().call_binop(context, operator, left, right)

    def call_filter(self, name: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a filter for one of many items, as `map` does."""
        self.budget.step()
        made = super().call_filter(name, value, *args, **kwargs)
        self.budget.write(_size(made))
        return made

    def _shown(self, value: Any) -> Any:
        """Count what is written. A piece of a macro or block counts each time."""
        shown = plain_text(value)
        if isinstance(shown, str):
            self.budget.write(len(shown))
        return shown

    @staticmethod
    @pass_context  # else what is constant would be counted once, when it is compiled
    def _counted(context: Context, items: Iterable[Any], weight: int = 0) -> list[Any]:
        budget = _budget(context)
        counted: list[Any] = []
        for item in items:
            budget.step()
            budget.write(weight)
            counted.append(item)
        return counted

    @staticmethod
    @pass_context
    def _joined(
        context: Context, items: Iterable[Any], by: str = "", attribute: str = ""
    ) -> str:
        """Join texts, each counted before the next is made."""
        texts: list[str] = []
        for item in items:
            each = context.environment.getattr(item, attribute) if attribute else item
            texts.append(str(plain_text(each)))
            _budget(context).write(len(texts[-1]) + len(by))
        return by.join(texts)

    @staticmethod
    @pass_context
    def _replaced(context: Context, text: str, old: str, new: str) -> str:
        _budget(context).write(len(text) + text.count(old) * len(new))
        return text.replace(old, new)

    @staticmethod
    @pass_context
    def _indented(context: Context, text: str, width: int = 4) -> str:
        lines = text.splitlines() or [""]
        _budget(context).write(len(text) + width * len(lines))
        margin = " " * width
        return "\n".join([lines[0], *(margin + x if x else "" for x in lines[1:])])

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        if len(numbers) > MAX_STEPS:
            raise SecurityError(f"a range may hold at most {MAX_STEPS:,} numbers")
        return numbers


def _budget(context: Context) -> Budget:
    assert isinstance(context.environment, Sandbox)  # noqa: S101 nobody else has these
    return context.environment.budget


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0


def _weight(loop: nodes.For) -> int:
    """Return how many characters of its own a loop may write each time round."""
    texts = [node.data for node in loop.find_all(nodes.TemplateData)]
    texts += [n.value for n in loop.find_all(nodes.Const) if isinstance(n.value, str)]
    return sum(map(len, texts))


def _filtered(
    name: str, node: nodes.Node, args: list[nodes.Expr] | None = None
) -> nodes.Filter:
    return nodes.Filter(node, name, args or [], [], None, None, lineno=node.lineno)


def _measure_concatenation(node: nodes.Node) -> None:
    """Let every `~` below a node say first how long its text would be."""
    for name, value in list(node.iter_fields()):
        if isinstance(value, nodes.Concat):
            setattr(node, name, _measured(value))
        elif isinstance(value, list):
            made = [_measured(x) if isinstance(x, nodes.Concat) else x for x in value]
            setattr(node, name, made)
    for child in node.iter_child_nodes():
        _measure_concatenation(child)


def _measured(node: nodes.Concat) -> nodes.Filter:
    return _filtered("_glued", nodes.List(node.nodes, lineno=node.lineno))
