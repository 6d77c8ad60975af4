"""A strategy's header: what it is, which parameters it takes, and filling them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue, ValidationError

from kimi_swarm.core.items import Given
from kimi_swarm.core.parameter import Parameter
from kimi_swarm.core.written import (
    Line,
    Problem,
    Written,
    closest,
    one_sentence,
    problems_in,
    quoted,
)
from kimi_swarm.errors import SwarmError


class StrategyError(SwarmError):
    """Raised when a strategy is unknown, badly written or cannot be rendered."""

    code = "strategy"


class ParameterError(StrategyError):
    """Raised when a strategy's parameter is missing, unknown or of the wrong type."""

    code = "parameter"

    def __init__(self, strategy: str, fact: str, known: tuple[str, ...]) -> None:
        more = (
            f"known: {', '.join(known)}" if known else f"see `plan {strategy} --help`"
        )
        super().__init__(
            f'Strategy "{strategy}": {fact}',
            remedy=f"Give parameters as --set name=value; {more}.",
        )


def _named(parameters: object) -> object:
    if not isinstance(parameters, dict):
        return parameters
    return [
        {"name": name, **fields} if isinstance(fields, dict) else fields
        for name, fields in parameters.items()
    ]


class Strategy(Written):
    """A template that renders parameters to a plan: what its header declares.

    One that `resumes` gives the same work the same task names, so that what a run has
    already can be left out when it is added to that run again.
    """

    name: Line
    summary: Line
    parameters: Annotated[
        tuple[Parameter, ...], BeforeValidator(_named), Field(strict=False)
    ] = ()
    resumes: bool = False

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by name. Raises ParameterError."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = tuple(parameter.name for parameter in self.parameters)
        hint = closest(name, known) or "."
        fact = f"there is no parameter {quoted(name)}{hint}"
        raise ParameterError(self.name, fact, known)

    def filled(self, values: Mapping[str, Given]) -> dict[str, JsonValue]:
        """Turn given texts into typed values, one for every parameter.

        Raises ParameterError for one that is missing, unknown or of the wrong type.
        """
        for name in values:
            self.parameter(name)
        known = tuple(parameter.name for parameter in self.parameters)
        missing = [p for p in self.parameters if p.required and p.name not in values]
        if missing:
            names = ", ".join(p.name for p in missing)
            fact = f"missing {names} ({missing[0].name}: {missing[0].help})."
            raise ParameterError(self.name, fact, known)
        filled: dict[str, JsonValue] = {}
        for parameter in self.parameters:
            name = parameter.name
            filled[name] = parameter.default
            if name in values:
                try:
                    filled[name] = parameter.converted(values[name])
                except ValueError as error:
                    end = "" if str(error).endswith("?") else "."
                    fact = f"{name} {error}{end}"
                    raise ParameterError(self.name, fact, known) from None
        return filled


def parse_strategy(name: str, header: object, *, origin: str) -> Strategy:
    """Turn a template's header into a strategy. Raises StrategyError."""
    fields = header if isinstance(header, dict) else {}
    try:
        return Strategy.model_validate({"name": name, **fields})
    except ValidationError as error:
        problems: list[Problem] = problems_in(error, Strategy)
        raise StrategyError(one_sentence(f"{origin}, header", problems)) from None
