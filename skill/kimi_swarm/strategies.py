"""Strategies: where they are found, what each declares, and how it becomes a plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.bundle import bundle_root
from kimi_swarm.core.items import Given
from kimi_swarm.core.parameter import ParameterType
from kimi_swarm.core.strategy import Strategy, StrategyError, parse_strategy
from kimi_swarm.core.written import closest, quoted
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import config_home
from kimi_swarm.strict_yaml import load_yaml, read_text
from kimi_swarm.templates import TemplateFaultError, render_text
from kimi_swarm.trust import trusted_project

_SUFFIX = ".yaml.j2"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
_HEADER = re.compile(r"\A\{#-?[ \t]*\r?\n(.*?)-?#\}[ \t]*\r?\n?", re.DOTALL)


class UnknownStrategyError(StrategyError):
    """Raised when no strategy has the name that was asked for."""

    code = "unknown_strategy"

    def __init__(
        self, name: str, known: tuple[str, ...], *, notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(
            f"There is no strategy {quoted(name)}{closest(name, known) or '.'}",
            remedy=" ".join([*notes, f"Strategies are: {', '.join(known)}."]),
        )


class Origin(StrEnum):
    """Where a strategy comes from; a later one wins over those before it."""

    PACKAGE = "package"
    USER = "user"
    PROJECT = "project"


class Found(NamedTuple):
    """A strategy's template: its name, its file, and whose it is."""

    name: str
    path: Path
    origin: Origin

    def header(self) -> Strategy:
        """Read what it declares of itself. Raises StrategyError, PlanFileError."""
        return _read(self.path)[0]

    def render(self, values: Mapping[str, Given]) -> str:
        """Render it to the YAML text of a plan.

        Raises ParameterError, StrategyError, TemplateFaultError, PlanFileError.
        """
        strategy, source = _read(self.path)
        filled = strategy.filled(values)
        lists = (
            filled[parameter.name]
            for parameter in strategy.parameters
            if parameter.type is ParameterType.ITEMS
        )
        count = sum(len(each) for each in lists if isinstance(each, list))
        return render_text(source, filled, template=self.path.name, items=count)


class Shelf(NamedTuple):
    """The strategies of a place by name; `notes` say what was left out, and why."""

    found: Mapping[str, Found]
    notes: tuple[str, ...] = ()

    def take(self, name: str) -> Found:
        """Return a strategy by name. Raises UnknownStrategyError, with the notes."""
        if name not in self.found:
            raise UnknownStrategyError(name, tuple(self.found), notes=self.notes)
        return self.found[name]

    def sound(self) -> tuple[list[tuple[Found, Strategy]], list[str]]:
        """Return those that can be read, by name, and a sentence on each other one."""
        read: list[tuple[Found, Strategy]] = []
        problems: list[str] = []
        for found in self.found.values():
            try:
                read.append((found, found.header()))
            except SwarmError as error:
                problems.append(f"Strategy {found.name} was left out: {error}")
        return read, problems


def strategies_at(folder: Path) -> Shelf:
    """Find the package's strategies, the user's own, and the trusted project's.

    Each is `strategies/NAME.yaml.j2`, in the user's config folder or in the project's
    `.kimi-swarm/`. The project's win over the user's, and both over the package's.
    """
    project, notes = trusted_project(folder)
    places = [
        (bundle_root() / "prompts", Origin.PACKAGE),
        (Path(config_home()), Origin.USER),
        *([] if project is None else [(project, Origin.PROJECT)]),
    ]
    found = {
        one.name: one for place, origin in places for one in _found_in(place, origin)
    }
    return Shelf(dict(sorted(found.items())), notes)


def _found_in(place: Path, origin: Origin) -> list[Found]:
    paths = (place / "strategies").glob(f"*{_SUFFIX}")
    named = ((path.name.removesuffix(_SUFFIX), path) for path in paths)
    return [Found(name, path, origin) for name, path in named if _NAME.fullmatch(name)]


def _read(path: Path) -> tuple[Strategy, str]:
    source = read_text(path)
    match = _HEADER.match(source)
    if match is None:
        fact = "must begin with a comment {# … #} that holds summary and parameters"
        raise TemplateFaultError(path.name, 1, fact)
    header = load_yaml("\n" + match.group(1), origin=f"{path.name}, header")
    name = path.name.removesuffix(_SUFFIX)
    return parse_strategy(name, header, origin=path.name), source
