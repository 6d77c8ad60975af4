"""Prompts: strategies that render to plans, and the working rules of each role."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kimi_swarm.bundle import bundle_root
from kimi_swarm.core.plan_parts import Role
from kimi_swarm.core.strategy import Strategy, StrategyError, parse_strategy
from kimi_swarm.core.task import WorkspaceMode
from kimi_swarm.core.written import closest, quoted
from kimi_swarm.strict_yaml import load_yaml, read_text
from kimi_swarm.templates import TemplateFaultError, render_text

_SUFFIX = ".yaml.j2"
_HEADER = re.compile(r"\A\{#-?[ \t]*\n(.*?)-?#\}[ \t]*\n?", re.DOTALL)


class UnknownStrategyError(StrategyError):
    """Raised when no strategy has the name that was asked for."""

    code = "unknown_strategy"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no strategy {quoted(name)}{closest(name, known) or '.'}",
            remedy=f"Strategies are: {', '.join(known)}.",
        )


def list_strategies() -> tuple[Strategy, ...]:
    """Return the strategies there are, by name. Raises StrategyError, PlanFileError."""
    return tuple(load_strategy(name) for name in _strategy_names())


def load_strategy(name: str) -> Strategy:
    """Read what a strategy declares of itself.

    Raises UnknownStrategyError, StrategyError, PlanFileError.
    """
    return _read_strategy(_strategy_path(name))[0]


def render_strategy(name: str, values: Mapping[str, str]) -> str:
    """Render a strategy to the YAML text of a plan.

    Raises UnknownStrategyError, ParameterError, TemplateFaultError, PlanFileError.
    """
    return render_strategy_file(_strategy_path(name), values)


def render_strategy_file(path: Path, values: Mapping[str, str]) -> str:
    """Render a template that lies anywhere, as `render_strategy` does."""
    strategy, source = _read_strategy(path)
    return render_text(source, strategy.filled(values), template=path.name)


def render_role(
    role: Role,
    *,
    task: str,
    prompt: str,
    needs: tuple[str, ...] = (),
    mode: WorkspaceMode = WorkspaceMode.WORKTREE,
    check: str | None = None,
    result: str | None = None,
) -> str:
    """Put a role's working rules before a task's prompt; role `none` adds nothing.

    `result` is the JSON schema, on one line, that the worker's answer must fit.
    """
    if role is Role.NONE:
        return prompt
    path = bundle_root() / "prompts" / "roles" / f"{role}.md.j2"
    values = {
        "task": task,
        "prompt": prompt.strip("\n"),
        "needs": list(needs),
        "may_write": mode in {WorkspaceMode.WORKTREE, WorkspaceMode.FRESH},
        "check": check,
        "result": result,
    }
    return render_text(read_text(path), values, template=path.name)


def _strategy_names() -> tuple[str, ...]:
    folder = bundle_root() / "prompts" / "strategies"
    return tuple(
        sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    )


def _strategy_path(name: str) -> Path:
    known = _strategy_names()
    if name not in known:
        raise UnknownStrategyError(name, known)
    return bundle_root() / "prompts" / "strategies" / f"{name}{_SUFFIX}"


def _read_strategy(path: Path) -> tuple[Strategy, str]:
    source = read_text(path)
    match = _HEADER.match(source)
    if match is None:
        fact = "must begin with a comment {# … #} that holds summary and parameters"
        raise TemplateFaultError(path.name, 1, fact)
    header = load_yaml("\n" + match.group(1), origin=f"{path.name}, header")
    name = path.name.removesuffix(_SUFFIX)
    return parse_strategy(name, header, origin=path.name), source
