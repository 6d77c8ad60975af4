"""Jinja in a sandbox: strict about names, bounded in steps and output.

Every value a person gives reaches a plan through the filter `yaml`, so that nothing in
it can be taken for YAML.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, TracebackType
from typing import Any, cast

from jinja2 import TemplateError, TemplateSyntaxError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from kimi_swarm.core.strategy import StrategyError
from kimi_swarm.plan_text import item_parts, one_line, parts, yaml_block, yaml_text
from kimi_swarm.sandbox import MAX_OUTPUT_CHARACTERS, MAX_STEPS, Budget, Sandbox

STEPS_PER_ITEM = 200
CHARACTERS_PER_ITEM = 10_000
KEPT_COMPILED = 64
_FILLED = "a text to be filled"
_FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


class TemplateFaultError(StrategyError):
    """Raised when a template cannot be rendered; names the template and the line."""

    code = "template"

    def __init__(self, template: str, line: int | None, fact: str) -> None:
        where = template if line is None else f"{template}, line {line}"
        super().__init__(
            f"{where}: {fact}.", remedy="Correct the template, or choose another."
        )


def render_text(
    source: str, values: Mapping[str, Any], *, template: str, items: int = 0
) -> str:
    """Render template text in the sandbox. Raises TemplateFaultError.

    For each of the `items` that it makes tasks of, it may do a little more.
    """
    budget = Budget(
        MAX_STEPS + STEPS_PER_ITEM * items,
        MAX_OUTPUT_CHARACTERS + CHARACTERS_PER_ITEM * items,
    )
    return _rendered(_sandbox(budget), source, values, template, shown_as=template)


def _sandbox(budget: Budget) -> Sandbox:
    filters = {
        "yaml": yaml_text,
        "yaml_block": yaml_block,
        "one_line": one_line,
        "parts": parts,
        "item_parts": item_parts,
        "filled": _filled,
    }
    sandbox = Sandbox(budget, filters)
    sandbox.globals["refuse"] = _refuse
    return sandbox


@lru_cache(maxsize=KEPT_COMPILED)
def _compiled(source: str, template: str) -> CodeType:
    # Code refers to its environment only when it runs: one serves every rendering.
    return _sandbox(Budget()).compile(source, name=template, filename=template)


def _rendered(
    sandbox: Sandbox,
    source: str,
    values: Mapping[str, Any],
    template: str,
    *,
    shown_as: str,
) -> str:
    pieces: list[str] = []
    room = sandbox.budget.most_characters
    with _faults_told(template, shown_as):
        code = _compiled(source, template)
        made = sandbox.template_class.from_code(sandbox, code, sandbox.globals)
        making = cast(Generator[str, None, None], made.generate(values))
        for piece in making:
            room -= len(piece)
            if room < 0:
                most = sandbox.budget.most_characters
                # Raised inside, so that the line is told.
                making.throw(SecurityError(f"makes more than {most:,} characters"))
            pieces.append(piece)
    return "".join(pieces)


@contextmanager
def _faults_told(template: str, shown_as: str) -> Iterator[None]:
    """Turn what goes wrong in a template into a sentence with its name and line."""
    try:
        yield
    except StrategyError:
        raise
    except TemplateSyntaxError as error:
        fact = _clause(error.message or "is no template")
        raise TemplateFaultError(shown_as, error.lineno, fact) from None
    except (RecursionError, MemoryError) as error:
        line = _line_in(template, error.__traceback__)
        raise TemplateFaultError(shown_as, line, "never comes to an end") from None
    except _FAULTS as error:
        line = _line_in(template, error.__traceback__)
        raise TemplateFaultError(shown_as, line, _clause(str(error))) from None


@pass_context
def _filled(context: Context, text: str, name: str = "text", **values: Any) -> str:
    """Render a text that is a template itself, in the same sandbox and budget.

    It sees only the values that are given here, and `name` is what refusals call it.
    """
    sandbox = context.environment
    assert isinstance(sandbox, Sandbox)  # noqa: S101 nobody else has this filter
    if context.name == _FILLED:
        raise TypeError("a text that is filled cannot fill another")
    sandbox.budget.step()
    return _rendered(sandbox, text, values, _FILLED, shown_as=name)


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
